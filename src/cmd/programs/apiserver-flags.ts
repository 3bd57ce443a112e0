/** The flags of karmada-apiserver. */
import { encryptionFlags } from '../../apiserver/encryption/encryption-flags.ts';
import { allowNoExecuteTaintPolicyFlag, logFlags } from '../../component/flag-groups.ts';
import { type FlagValues, flag } from '../../component/flags.ts';
import { defaultServiceAccountIssuer } from '../../component/service-account-token.ts';
import { defaultCompaction } from '../../storage/compaction.ts';
import { storeFlags } from '../../storage/store-flags.ts';
import { auditFlags } from './audit-flags.ts';

export const defaultDataDirectory = '/var/lib/karmada-apiserver';

export const apiServerFlags = {
  ...storeFlags(defaultDataDirectory),
  ...encryptionFlags,
  'bind-address': flag.string('127.0.0.1', 'The IP address on which to listen.'),
  'secure-port': flag.int(5443, 'The port on which to serve HTTPS. 0 picks a free one.'),
  'tls-cert-file': flag.string('', 'File with the x509 certificate for HTTPS.'),
  'tls-private-key-file': flag.string('', 'File with the private key that belongs to --tls-cert-file.'),
  'client-ca-file': flag.string(
    '',
    'Requests with a client certificate signed by one of the authorities in this file are made by its common name.',
  ),
  'enable-bootstrap-token-auth': flag.bool(
    false,
    "Let Secrets of type 'bootstrap.kubernetes.io/token' in namespace kube-system be credentials of machines that join.",
  ),
  'requestheader-client-ca-file': flag.string(
    '',
    'File with the authorities that sign the certificates of proxies which name users in headers. Without it no header is believed.',
  ),
  'requestheader-allowed-names': flag.list(
    [],
    'Common names of proxies that are believed. None means every proxy with a certificate of --requestheader-client-ca-file.',
  ),
  'requestheader-username-headers': flag.list(['X-Remote-User'], 'Headers that may hold the name of the user.'),
  'requestheader-uid-headers': flag.list(['X-Remote-Uid'], 'Headers that may hold the uid of the user.'),
  'requestheader-group-headers': flag.list(['X-Remote-Group'], 'Headers that hold groups of the user.'),
  'requestheader-extra-headers-prefix': flag.list(
    ['X-Remote-Extra-'],
    'Prefixes of headers that hold further facts of the user.',
  ),
  'proxy-client-cert-file': flag.string(
    '',
    'File with the client certificate by which servers behind APIServices know this server. It names users to them in headers.',
  ),
  'proxy-client-key-file': flag.string('', 'File with the private key that belongs to --proxy-client-cert-file.'),
  'enable-aggregator-routing': flag.bool(
    false,
    'Send requests for APIServices to the endpoints of their Services instead of the clusterIP.',
  ),
  'service-account-key-file': flag.list(
    [],
    'File with a PEM-encoded key that service account tokens are verified with, besides the signing key. May be given several times.',
  ),
  'service-account-signing-key-file': flag.string(
    '',
    'File with the private key that signs service account tokens. Without it there are none.',
  ),
  'service-account-issuer': flag.string(
    defaultServiceAccountIssuer,
    'The issuer in service account tokens, and their default audience.',
  ),
  'allocate-service-ports': flag.bool(
    false,
    'Give Services a clusterIP and node ports. Off, because on a control plane Services are templates, and allocated node ports clash in members.',
  ),
  'service-cluster-ip-range': flag.string('10.96.0.0/12', 'Where clusterIPs come from with --allocate-service-ports.'),
  'disable-admission-plugins': flag.list(
    ['ServiceAccount', 'StorageObjectInUseProtection'],
    'Admission plugins of the built-in chain to leave out.',
  ),
  'allow-no-execute-taint-policy': allowNoExecuteTaintPolicyFlag,
  'history-retention': flag.duration(
    defaultCompaction.keepMs,
    'How long past states are kept: watches and lists may go on from them.',
  ),
  'history-max-revisions': flag.int(
    defaultCompaction.keepRevisions,
    'Past states are compacted earlier when there are more revisions than this.',
  ),
  'history-max-bytes': flag.int(
    defaultCompaction.keepBytes,
    'Past states are compacted earlier when more bytes than this were written since.',
  ),
  'max-requests-inflight': flag.int(
    800,
    'Reads that are worked on at a time; further ones wait, and are refused with 429 when too many do or for too long.',
  ),
  'max-mutating-requests-inflight': flag.int(400, 'The same for writes.'),
  'enable-priority-and-fairness': flag.bool(
    true,
    'Start requests that wait one user after another, so that a client with many of them holds up nobody else.',
  ),
  'request-timeout': flag.duration(60_000, 'How long a request may take, watches and other long ones excepted.'),
  'shutdown-delay-duration': flag.duration(
    0,
    'How long to go on serving after SIGTERM, while /readyz fails already, so that load balancers notice in time.',
  ),
  'event-ttl': flag.duration(3_600_000, 'How long Events are kept.'),
  ...auditFlags,
  ...logFlags,
};

export type ApiServerFlags = FlagValues<typeof apiServerFlags>;

/** Milliseconds that a server with these flags may take to end. */
export const apiServerGraceMs = (flags: ApiServerFlags): number =>
  flags['shutdown-delay-duration'] + flags['request-timeout'] + 15_000;
