/** LimitRanges: defaults. Printed with the generic table. */
import type { KindBehaviour } from '../kind.ts';
import { createdAtColumn, nameColumn } from '../printing/formats.ts';
import type { LimitRange } from '../types.ts';

export const limitRange: KindBehaviour = {
  default(object) {
    for (const item of (object as unknown as LimitRange).spec?.limits ?? []) {
      if (item.type !== 'Container') continue;
      const defaults = { ...item.max, ...item.default };
      if (Object.keys(defaults).length > 0) item.default = defaults;
      const requests = { ...item.min, ...defaults, ...item.defaultRequest };
      if (Object.keys(requests).length > 0) item.defaultRequest = requests;
    }
  },
  columns: [nameColumn, createdAtColumn],
};
