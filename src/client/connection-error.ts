/** The server could not be reached, or went away before it had answered. Everything the server itself says is a StatusError. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** `ECONNREFUSED`, `ENOTFOUND`, `ETIMEDOUT`, `CERT_HAS_EXPIRED`, …, where the system gave one. */
  readonly code: string | undefined;

  constructor(message: string, options?: { cause?: unknown; code?: string }) {
    super(message, { cause: options?.cause });
    this.code = options?.code ?? (options?.cause as NodeJS.ErrnoException | undefined)?.code;
  }
}
