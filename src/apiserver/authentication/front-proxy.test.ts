import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../apimachinery/clock.ts';
import { createCertificateAuthority, issueCertificate } from '../../component/certificates.ts';
import { createFrontProxyAuthenticator, type RequestHeaderOptions } from './front-proxy.ts';

let options: RequestHeaderOptions;
let proxy: Buffer;
let stranger: Buffer;
const der = (pem: string) => new X509Certificate(pem).raw;

beforeAll(async () => {
  const authority = await createCertificateAuthority({ commonName: 'front-proxy-ca', days: 1 });
  const other = await createCertificateAuthority({ commonName: 'other', days: 1 });
  const leaf = { commonName: 'front-proxy-client', days: 1, usages: ['client'] as const };
  proxy = der((await issueCertificate(authority, leaf)).cert);
  stranger = der((await issueCertificate(other, leaf)).cert);
  options = {
    clientCa: authority.cert,
    allowedNames: ['front-proxy-client'],
    usernameHeaders: ['X-Remote-User'],
    uidHeaders: ['X-Remote-Uid'],
    groupHeaders: ['X-Remote-Group'],
    extraHeadersPrefixes: ['X-Remote-Extra-'],
  };
});

const headers = {
  'x-remote-user': 'jane',
  'x-remote-uid': '42',
  'x-remote-group': ['dev', 'ops'],
  'x-remote-extra-acme.com%2fproject': ['moon'],
};

describe('a front proxy', () => {
  it('names the user, the groups, the uid and extra facts', () => {
    const user = createFrontProxyAuthenticator(options, systemClock).authenticate({
      headers,
      clientCertificate: proxy,
    });
    expect(user).toEqual({ name: 'jane', uid: '42', groups: ['dev', 'ops'], extra: { 'acme.com/project': ['moon'] } });
  });

  it('is believed under any name when none is demanded', () => {
    const any = createFrontProxyAuthenticator({ ...options, allowedNames: [] }, systemClock);
    expect(any.authenticate({ headers, clientCertificate: proxy })?.name).toBe('jane');
  });

  it.each([
    ['no certificate', undefined, {}],
    ['a certificate of another authority', 'stranger', {}],
    ['another common name', 'proxy', { allowedNames: ['somebody-else'] }],
  ])('is not believed with %s', (_what, certificate, change) => {
    const authenticator = createFrontProxyAuthenticator({ ...options, ...change }, systemClock);
    const clientCertificate = certificate === 'proxy' ? proxy : certificate === 'stranger' ? stranger : undefined;
    expect(authenticator.authenticate({ headers, clientCertificate })).toBeUndefined();
  });

  it('that names nobody leaves the question to the other methods', () => {
    const authenticator = createFrontProxyAuthenticator(options, systemClock);
    expect(authenticator.authenticate({ headers: {}, clientCertificate: proxy })).toBeUndefined();
  });
});
