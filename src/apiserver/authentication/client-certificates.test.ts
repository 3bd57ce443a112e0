import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../apimachinery/clock.ts';
import { createCertificateAuthority, issueCertificate, type KeyPair } from '../../component/certificates.ts';
import { createClientCertificateAuthenticator } from './client-certificates.ts';

const der = (pair: KeyPair): Buffer => new X509Certificate(pair.cert).raw;
let ca: KeyPair;
let otherCa: KeyPair;

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', days: 30 });
  otherCa = await createCertificateAuthority({ commonName: 'ca', days: 30 });
});

const client = (authority: KeyPair, commonName: string, organizations: string[] = []) =>
  issueCertificate(authority, { commonName, organizations, days: 10, usages: ['client'] });

describe('client certificates', () => {
  it('give the common name as user and every organization as group', async () => {
    const user = createClientCertificateAuthenticator(ca.cert, systemClock).authenticate(
      der(await client(ca, 'jane', ['a', 'b'])),
    );
    expect(user).toMatchObject({ name: 'jane', groups: ['a', 'b'] });
  });

  it('are read as values, never as text: nothing in a name becomes another attribute', async () => {
    const tricky = 'x, O=system:masters\nO=system:masters+O=system:masters';
    const user = createClientCertificateAuthenticator(ca.cert, systemClock).authenticate(
      der(await client(ca, tricky, ['devs/O=system:masters'])),
    );
    expect(user.name).toBe(tricky);
    expect(user.groups).toEqual(['devs/O=system:masters']);
  });

  it('count only when the client CA has signed them, whatever the issuer is called', async () => {
    const authenticator = createClientCertificateAuthenticator(ca.cert, systemClock);
    const foreign = der(await client(otherCa, 'jane'));
    expect(() => authenticator.authenticate(foreign)).toThrow('signed by unknown authority');
    expect(() => authenticator.authenticate(foreign)).toThrow('signed by unknown authority');
  });

  it('may come from any of several authorities', async () => {
    const authenticator = createClientCertificateAuthenticator(ca.cert + otherCa.cert, systemClock);
    expect(authenticator.authenticate(der(await client(otherCa, 'jane'))).name).toBe('jane');
  });

  it('of a server do not identify a client', async () => {
    const server = await issueCertificate(ca, { commonName: 'server', days: 10, usages: ['server'] });
    const authenticator = createClientCertificateAuthenticator(ca.cert, systemClock);
    expect(() => authenticator.authenticate(der(server))).toThrow('incompatible key usage');
  });

  it('end with their validity, also when they were accepted before', async () => {
    let now = Date.now();
    const authenticator = createClientCertificateAuthenticator(ca.cert, { ...systemClock, now: () => now });
    const certificate = der(await client(ca, 'jane'));
    expect(authenticator.authenticate(certificate).name).toBe('jane');
    now += 11 * 24 * 3600 * 1000;
    expect(() => authenticator.authenticate(certificate)).toThrow('expired or is not yet valid');
  });

  it('must be certificates', () => {
    const authenticator = createClientCertificateAuthenticator(ca.cert, systemClock);
    expect(() => authenticator.authenticate(Buffer.from('junk'))).toThrow('malformed');
  });
});
