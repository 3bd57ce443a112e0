/** Runs admission plugins around a write: first all that mutate, in order; after validation all that validate. */
import type { AdmissionPlugin, AdmissionRequest } from '../admission/plugin.ts';

export interface AdmissionChain {
  /** Returns whether a plugin may have changed the object. */
  admit(request: AdmissionRequest): Promise<boolean>;
  validate(request: AdmissionRequest): Promise<void>;
}

export function createAdmissionChain(plugins: readonly AdmissionPlugin[]): AdmissionChain {
  return {
    async admit(request) {
      let ran = false;
      for (const plugin of plugins) {
        if (plugin.admit === undefined || !plugin.handles(request)) continue;
        ran ||= plugin.keepsObject !== true;
        await plugin.admit(request);
      }
      return ran;
    },
    async validate(request) {
      for (const plugin of plugins)
        if (plugin.validate !== undefined && plugin.handles(request)) await plugin.validate(request);
    },
  };
}
