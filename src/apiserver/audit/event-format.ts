/** Events as lines of a log: JSON, or the one line of text that logs had before there were audit levels. */
export const auditFormats = ['legacy', 'json'] as const;
export type AuditFormat = (typeof auditFormats)[number];

/** `event`: an Event without kind and apiVersion, as it stands in an EventList. */
export const lineOf = (event: string, format: AuditFormat): string =>
  format === 'json'
    ? `{"kind":"Event","apiVersion":"audit.k8s.io/v1",${event.slice(1)}\n`
    : `${legacyText(JSON.parse(event))}\n`;

interface Event {
  requestReceivedTimestamp: string;
  auditID: string;
  stage: string;
  verb: string;
  requestURI: string;
  user: { username?: string; groups?: string[] };
  impersonatedUser?: { username?: string; groups?: string[] };
  sourceIPs?: string[];
  userAgent?: string;
  objectRef?: { namespace?: string };
  responseStatus?: { code: number };
}

const quote = (text: string): string => JSON.stringify(text);
const list = (texts: readonly string[]): string => quote(texts.map(quote).join());

function legacyText(event: Event): string {
  const { user, impersonatedUser } = event;
  const groups = user.username && user.groups?.length ? list(user.groups) : quote('<none>');
  const asGroups = impersonatedUser?.groups ? list(impersonatedUser.groups) : quote('<lookup>');
  // Trailing zeros of a fraction of a second are left out.
  const time = event.requestReceivedTimestamp.replace(/\.?0*Z$/, 'Z');
  return (
    `${time} AUDIT: id=${quote(event.auditID)} stage=${quote(event.stage)} ip=${quote(event.sourceIPs?.[0] ?? '<unknown>')}` +
    ` method=${quote(event.verb)} user=${quote(user.username ?? '<none>')} groups=${groups}` +
    ` as=${quote(impersonatedUser?.username ?? '<self>')} asgroups=${asGroups} user-agent=${quote(event.userAgent ?? '')}` +
    ` namespace=${quote(event.objectRef?.namespace ?? '<none>')} uri=${quote(event.requestURI)}` +
    ` response="${event.responseStatus?.code ?? '<deferred>'}"`
  );
}
