/** What this build is: the Karmada version whose behaviour it has, in the fields of upstream's version.Info. */

export const karmadaVersion = 'v1.19.0';

export interface VersionInfo {
  GitVersion: string;
  GitCommit: string;
  GitShortCommit: string;
  GitTreeState: string;
  BuildDate: string;
  GoVersion: string;
  Compiler: string;
  Platform: string;
}

export function versionInfo(): VersionInfo {
  const architectures: Readonly<Record<string, string>> = { x64: 'amd64' };
  return {
    GitVersion: karmadaVersion,
    GitCommit: '',
    GitShortCommit: '',
    GitTreeState: 'clean',
    BuildDate: '',
    GoVersion: `node${process.version}`,
    Compiler: 'v8',
    Platform: `${process.platform}/${architectures[process.arch] ?? process.arch}`,
  };
}
