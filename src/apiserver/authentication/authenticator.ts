import type { ApiRequest } from '../request.ts';
import type { UserInfo } from './user-info.ts';

/** Who is calling? The pipeline asks once per request; impersonation comes after it. */
export interface Authenticator {
  /**
   * The user, with group `system:authenticated`; undefined when the request brings no credentials at all (the pipeline then
   * goes on as system:anonymous). Throws unauthorized() on bad credentials.
   */
  authenticate(request: ApiRequest): Promise<UserInfo | undefined>;
}
