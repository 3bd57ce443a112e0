/** Every function that expressions may call. */
import { addressFunctions } from './addresses.ts';
import { authorizerFunctions } from './authorizer.ts';
import { formatFunctions } from './format-functions.ts';
import { kubernetesFunctions } from './kubernetes-functions.ts';
import { listFunctions } from './list-functions.ts';
import { operators } from './operators.ts';
import { type FunctionTable, tableOf } from './overloads.ts';
import { standardFunctions } from './standard-functions.ts';
import { stringFunctions } from './string-functions.ts';
import { timeFunctions } from './time-functions.ts';

export const functions: FunctionTable = tableOf(
  operators,
  standardFunctions,
  timeFunctions,
  stringFunctions,
  listFunctions,
  kubernetesFunctions,
  addressFunctions,
  authorizerFunctions,
  formatFunctions,
);
