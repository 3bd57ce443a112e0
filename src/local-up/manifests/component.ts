/** The parts that the Deployments of all components share. */
import { componentNamespace } from '../../installation/control-plane-objects.ts';
import type { Deployment } from '../../kubernetes/types.ts';

interface ProbePort {
  port: number;
  scheme: 'HTTP' | 'HTTPS';
  path: string;
}

export interface ComponentSpec {
  name: string;
  /** argv: the executable's name, then its flags. $(POD_IP) stands for the pod's own address. */
  command: readonly string[];
  /** Secret or host folder by mount path. */
  mounts: Readonly<Record<string, { secret: string } | { hostPath: string }>>;
  probe: ProbePort;
  strategy: 'RollingUpdate' | 'Recreate';
  /** The others need it: it stops last. */
  critical?: boolean;
}

/** A Deployment of one replica, as upstream's installation makes them: label app, flags in `command`. */
export function componentDeployment(spec: ComponentSpec): Deployment {
  const labels = { app: spec.name };
  const paths = Object.keys(spec.mounts);
  const httpGet = { path: spec.probe.path, port: spec.probe.port, scheme: spec.probe.scheme };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: spec.name, namespace: componentNamespace, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      strategy: spec.strategy === 'Recreate' ? { type: 'Recreate' } : { type: 'RollingUpdate' },
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          ...(spec.critical === true ? { priorityClassName: 'system-node-critical' } : {}),
          terminationGracePeriodSeconds: 10,
          containers: [
            {
              name: spec.name,
              image: `docker.io/karmada/${spec.name}:latest`,
              imagePullPolicy: 'IfNotPresent',
              command: [...spec.command],
              env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
              readinessProbe: { httpGet, periodSeconds: 1, failureThreshold: 3, timeoutSeconds: 3 },
              livenessProbe: {
                httpGet,
                initialDelaySeconds: 15,
                periodSeconds: 15,
                failureThreshold: 3,
                timeoutSeconds: 15,
              },
              volumeMounts: paths.map((mountPath, index) => ({ name: `volume-${index}`, mountPath })),
            },
          ],
          volumes: paths.map((mountPath, index) => {
            const source = spec.mounts[mountPath];
            const name = `volume-${index}`;
            if (source !== undefined && 'hostPath' in source) {
              return { name, hostPath: { path: source.hostPath, type: 'DirectoryOrCreate' } };
            }
            return { name, secret: { secretName: source?.secret ?? '' } };
          }),
        },
      },
    },
  };
}
