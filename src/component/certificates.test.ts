import { X509Certificate } from 'node:crypto';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createCertificateAuthority, issueCertificate, needsRenewal } from './certificates.ts';

describe('certificates', () => {
  it('issues leaves that a TLS handshake accepts on both sides', async () => {
    const ca = await createCertificateAuthority({ commonName: 'karmada', days: 3650 });
    const server = await issueCertificate(ca, {
      commonName: 'karmada-apiserver',
      dnsNames: ['localhost', 'karmada-apiserver.karmada-system.svc'],
      ipAddresses: ['127.0.0.1', '::1'],
      days: 365,
      usages: ['server'],
    });
    const client = await issueCertificate(ca, {
      commonName: 'system:karmada:x, O=evil',
      organizations: ['system:masters', 'second'],
      days: 365,
      usages: ['client'],
    });
    expect(new X509Certificate(server.cert).checkIssued(new X509Certificate(ca.cert))).toBe(true);
    const listener = createServer(
      { ...server, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
      (req, res) => {
        const { CN, O } = (req.socket as TLSSocket).getPeerCertificate().subject;
        res.end(JSON.stringify({ CN, O }));
      },
    );
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = listener.address() as AddressInfo;
      const text = await new Promise<string>((resolve, reject) => {
        request({ host: '127.0.0.1', port, ca: ca.cert, ...client, agent: false }, (res) => {
          res.setEncoding('utf8').on('data', resolve);
        })
          .on('error', reject)
          .end();
      });
      expect(JSON.parse(text)).toEqual({ CN: 'system:karmada:x, O=evil', O: ['system:masters', 'second'] });
    } finally {
      listener.close();
    }
  });

  it('asks for renewal near the end, and of what cannot be read', async () => {
    const ca = await createCertificateAuthority({ commonName: 'ca', days: 100 });
    expect(needsRenewal(ca.cert, 30)).toBe(false);
    expect(needsRenewal(ca.cert, 101)).toBe(true);
    expect(needsRenewal('nonsense', 30)).toBe(true);
  });
});
