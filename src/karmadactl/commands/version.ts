import { versionInfo } from '../../component/version.ts';
import { defineCommand } from '../command.ts';

export const versionCommand = defineCommand({
  flags: {},
  async run({ io, executable }) {
    const fields = Object.entries(versionInfo()).map(([name, value]) => `${name}:${JSON.stringify(value)}`);
    io.stdout(`${executable} version: version.Info{${fields.join(', ')}}\n`);
  },
});
