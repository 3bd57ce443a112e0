/** create service and its kinds, create ingress. */
import type { Unstructured } from '../../apimachinery/object.ts';
import { flag } from '../../component/flags.ts';
import { ingresses, services } from '../../kubernetes/resource-types.ts';
import { creatingCommand, eachFlag, nameOf, pairs } from './create-flags.ts';

const tcpFlag = flag.list([], "Port pairs can be specified as '<port>:<targetPort>'.");

function service(name: string, type: string, more: object): Unstructured {
  const labels = { app: name };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, labels },
    spec: { ...more, selector: labels, type },
    status: { loadBalancer: {} },
  };
}

function portsOf(tcp: readonly string[], nodePort = 0): object[] {
  return tcp.map((text) => {
    const [port = '', target = port, ...more] = text.split(':');
    if (!/^\d+$/.test(port) || more.length > 0)
      throw new Error(`invalid port ${JSON.stringify(text)}: expected <port>:<targetPort>`);
    if (Number(port) < 1 || Number(port) > 65_535)
      throw new Error(`invalid port ${port}: must be between 1 and 65535, inclusive`);
    return {
      name: text.includes(':') ? `${port}-${target}` : port,
      port: Number(port),
      protocol: 'TCP',
      targetPort: /^\d+$/.test(target) ? Number(target) : target,
      ...(nodePort === 0 ? {} : { nodePort }),
    };
  });
}

const needPorts = (tcp: readonly string[]): readonly string[] => {
  if (tcp.length === 0) throw new Error('at least one tcp port specifier must be provided');
  return tcp;
};

export const createClusterIp = creatingCommand(
  services,
  { tcp: tcpFlag, clusterip: flag.string('', "Assign your own ClusterIP or set to 'None' for a 'headless' service.") },
  (values, args) => {
    const headless = values.clusterip === 'None';
    const ports = portsOf(headless ? values.tcp : needPorts(values.tcp));
    return service(nameOf(args), 'ClusterIP', {
      ...(values.clusterip === '' ? {} : { clusterIP: values.clusterip }),
      ...(ports.length > 0 ? { ports } : {}),
    });
  },
);

export const createNodePort = creatingCommand(
  services,
  { tcp: tcpFlag, 'node-port': flag.int(0, 'Port used to expose the service on each node in a cluster.') },
  (values, args) => service(nameOf(args), 'NodePort', { ports: portsOf(needPorts(values.tcp), values['node-port']) }),
);

export const createLoadBalancer = creatingCommand(services, { tcp: tcpFlag }, (values, args) =>
  service(nameOf(args), 'LoadBalancer', { ports: portsOf(needPorts(values.tcp)) }),
);

export const createExternalName = creatingCommand(
  services,
  { 'external-name': flag.string('', 'External name of service.'), tcp: tcpFlag },
  (values, args) => {
    if (values['external-name'] === '') throw new Error('required flag(s) "external-name" not set');
    const ports = portsOf(values.tcp);
    return service(nameOf(args), 'ExternalName', {
      externalName: values['external-name'],
      ...(ports.length > 0 ? { ports } : {}),
    });
  },
);

export const createIngress = creatingCommand(
  ingresses,
  {
    class: flag.string('', 'Ingress Class to be used.'),
    rule: eachFlag(
      "Rule in format host/path=service:port[,tls=secretname]. Paths containing the leading character '*' are considered pathType=Prefix.",
    ),
    annotation: eachFlag('Annotation to insert in the ingress object, in the format annotation=value.'),
    'default-backend': flag.string('', 'Default service for backend, in format of svcname:port.'),
  },
  (values, args) => {
    const name = nameOf(args);
    if (values.rule.length === 0 && values['default-backend'] === '')
      throw new Error(
        'not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)',
      );
    const { rules, tls } = rulesOf(values.rule);
    const annotations = pairs(values.annotation, 'annotation');
    return {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name, ...(values.annotation.length > 0 ? { annotations } : {}) },
      spec: {
        ...(values.class === '' ? {} : { ingressClassName: values.class }),
        ...(values['default-backend'] === '' ? {} : { defaultBackend: backend(values['default-backend']) }),
        ...(rules.length > 0 ? { rules } : {}),
        ...(tls.length > 0 ? { tls } : {}),
      },
      status: { loadBalancer: {} },
    };
  },
);

function backend(text: string): object {
  const [name = '', port = ''] = text.split(':');
  if (name === '' || port === '') throw new Error(`${text} is not a backend: expected svcname:port`);
  return { service: { name, port: /^\d+$/.test(port) ? { number: Number(port) } : { name: port } } };
}

/** `host/path*=svc:port,tls=secret`; one rule a host. */
function rulesOf(specs: readonly string[]): { rules: object[]; tls: object[] } {
  const paths = new Map<string, object[]>();
  const secrets = new Map<string, string[]>();
  for (const spec of specs) {
    const match = /^([^/=]*)(\/[^=]*)?=([^,]+:[^,]+)(?:,tls(?:=(.*))?)?$/.exec(spec);
    if (match === null)
      throw new Error(`rule ${spec} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]`);
    const [, host = '', path = '/', service = '', secret] = match;
    const prefix = path.endsWith('*');
    const entry = {
      path: prefix ? path.slice(0, -1) : path,
      pathType: prefix ? 'Prefix' : 'Exact',
      backend: backend(service),
    };
    paths.set(host, [...(paths.get(host) ?? []), entry]);
    if (spec.includes(',tls')) {
      const hosts = secrets.get(secret ?? '') ?? [];
      secrets.set(secret ?? '', host === '' || hosts.includes(host) ? hosts : [...hosts, host]);
    }
  }
  return {
    rules: [...paths].map(([host, list]) => ({ ...(host === '' ? {} : { host }), http: { paths: list } })),
    tls: [...secrets].map(([secretName, hosts]) => ({
      ...(hosts.length > 0 ? { hosts } : {}),
      ...(secretName === '' ? {} : { secretName }),
    })),
  };
}
