import { defineCommand } from '../command.ts';

/** What upstream does by running container images in a host cluster is done here by the local environment. */
function withoutImages(what: string, instead: string) {
  return defineCommand({
    flags: {},
    anyFlags: true,
    async run() {
      throw new Error(`${what} needs container images of the components, which this release does not have. ${instead}`);
    },
  });
}

const start = 'Use hack/local-up-karmada.sh to start a control plane with members on this machine.';
export const initCommand = withoutImages('installing Karmada in a cluster', start);
export const deinitCommand = withoutImages(
  'removing Karmada from a cluster',
  'Use hack/local-down-karmada.sh to remove a local environment.',
);
export const addonsCommand = withoutImages('enabling addons', start);
