/** ServiceAccounts: columns. */
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import type { ServiceAccount } from '../types.ts';

const { column } = columnsOf<ServiceAccount>();

export const serviceAccount: KindBehaviour = {
  columns: [nameColumn, column('Secrets', ({ secrets }) => secrets?.length ?? 0), ageColumn],
};
