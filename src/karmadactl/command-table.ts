/** Every command: what help says of it, and where its body is. A file for each group of help, in the order of help. */
import type { CommandEntry } from './command.ts';
import { advancedCommands } from './command-table/advanced.ts';
import { basicCommands } from './command-table/basic.ts';
import { managementCommands } from './command-table/management.ts';
import { otherCommands } from './command-table/other.ts';
import { registrationCommands } from './command-table/registration.ts';
import { settingsCommands } from './command-table/settings.ts';
import { troubleshootingCommands } from './command-table/troubleshooting.ts';

export const commandTable: readonly CommandEntry[] = [
  ...basicCommands,
  ...registrationCommands,
  ...managementCommands,
  ...troubleshootingCommands,
  ...advancedCommands,
  ...settingsCommands,
  ...otherCommands,
];
