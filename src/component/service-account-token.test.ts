import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  createServiceAccountTokenSigner,
  createServiceAccountTokenVerifier,
  InvalidTokenError,
} from './service-account-token.ts';

const pem = { format: 'pem', type: 'pkcs8' } as const;
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey.export(pem).toString();
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem).toString();
const now = Date.parse('2026-01-01T00:00:00Z');
const request = {
  namespace: 'default',
  serviceAccount: { name: 'robot', uid: 'u-1' },
  audiences: ['https://kubernetes.default.svc.cluster.local'],
  expirationSeconds: 3600,
};

describe('service account tokens', () => {
  it.each([
    ['P-256', ec('P-256'), 'ES256'],
    ['P-384', ec('P-384'), 'ES384'],
    ['P-521', ec('P-521'), 'ES512'],
    ['RSA', rsa, 'RS256'],
  ])('signed with %s are verified with the same key', (_name, key, algorithm) => {
    const { token, expiresAt } = createServiceAccountTokenSigner(key).signBound(
      { ...request, pod: { name: 'p', uid: 'u-2' }, node: { name: 'n', uid: 'u-3' } },
      now,
    );
    const verifier = createServiceAccountTokenVerifier([key]);
    expect(expiresAt).toBe(now / 1000 + 3600);
    expect(verifier.verify(token, now)).toMatchObject({
      kind: 'bound',
      namespace: 'default',
      serviceAccount: { name: 'robot', uid: 'u-1' },
      pod: { name: 'p', uid: 'u-2' },
      node: { name: 'n', uid: 'u-3' },
      expiresAt,
    });
    expect(verifier.keySet().keys[0]).toMatchObject({ alg: algorithm, use: 'sig' });
  });

  const key = ec('P-256');
  const signer = createServiceAccountTokenSigner(key);
  const verifier = createServiceAccountTokenVerifier([key]);

  it('of a Secret name the account and the Secret and never expire', () => {
    const token = signer.signLegacy({ namespace: 'ns', serviceAccount: request.serviceAccount, secretName: 's' });
    expect(verifier.verify(token, now + 1e12)).toEqual({
      kind: 'legacy',
      namespace: 'ns',
      serviceAccount: { name: 'robot', uid: 'u-1' },
      audiences: [],
      secret: { name: 's' },
    });
  });

  it('are refused once expired, or before they are valid', () => {
    const { token } = signer.signBound(request, now);
    expect(() => verifier.verify(token, now + 3_700_000)).toThrow('service account token has expired');
    expect(() => verifier.verify(token, now - 60_000)).toThrow('service account token is not valid yet');
  });

  it('are refused when another key signed them, or when anything was changed', () => {
    const { token } = signer.signBound(request, now);
    const other = createServiceAccountTokenVerifier([ec('P-256')]);
    expect(() => other.verify(token, now)).toThrow(InvalidTokenError);
    const [header, claims, signature] = token.split('.') as [string, string, string];
    const changed = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
      'kubernetes.io': { namespace: string };
    };
    changed['kubernetes.io'].namespace = 'kube-system';
    const forged = Buffer.from(JSON.stringify(changed)).toString('base64url');
    expect(() => verifier.verify(`${header}.${forged}.${signature}`, now)).toThrow(InvalidTokenError);
    const unsigned = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    expect(() => verifier.verify(`${unsigned}.${claims}.`, now)).toThrow(InvalidTokenError);
  });

  it('of other issuers and other bearer tokens are left to other authenticators', () => {
    expect(verifier.verify('abcdef.0123456789abcdef', now)).toBeUndefined();
    expect(verifier.verify('a.b.c', now)).toBeUndefined();
    const foreign = createServiceAccountTokenSigner(key, 'https://issuer.example').signBound(request, now).token;
    expect(verifier.verify(foreign, now)).toBeUndefined();
  });
});
