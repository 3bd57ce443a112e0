/** Rules of pod specs, in Pods and in the templates of workloads. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import { qualifiedNameErrors } from '../../apimachinery/names.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { compareQuantityTexts } from '../quantity-text.ts';
import {
  checkDnsLabel,
  checkDnsSubdomain,
  checkLabels,
  checkNonNegative,
  checkOneOf,
  checkPort,
  checkPortName,
  checkPortNumberOrName,
} from '../validation.ts';
import { checkRestarts } from './container-restart-validation.ts';
import { checkResourceClaims } from './pod-claims-validation.ts';
import { checkPlacement } from './pod-placement-validation.ts';

type PodSpec = DeepReadonly<core.PodSpec>;
type Container = DeepReadonly<core.Container>;

/** `field` is the path of the spec: `spec` or `spec.template.spec`. */
export function checkPodSpec(spec: PodSpec | undefined, field: string): FieldError[] {
  if (spec === undefined) return [fieldError.required(`${field}.containers`)];
  const errors: FieldError[] = [];
  const volumes = checkVolumes(spec.volumes ?? [], `${field}.volumes`, errors);
  const names = new Set<string>();
  if ((spec.containers ?? []).length === 0) errors.push(fieldError.required(`${field}.containers`));
  checkContainers(spec.containers ?? [], `${field}.containers`, volumes, names, errors);
  checkContainers(spec.initContainers ?? [], `${field}.initContainers`, volumes, names, errors);
  checkContainers(
    (spec.ephemeralContainers ?? []) as readonly Container[],
    `${field}.ephemeralContainers`,
    volumes,
    names,
    errors,
  );
  checkEphemeral(spec, `${field}.ephemeralContainers`, errors);
  errors.push(...checkOneOf(spec.restartPolicy, ['Always', 'OnFailure', 'Never'], `${field}.restartPolicy`, true));
  errors.push(
    ...checkOneOf(
      spec.dnsPolicy,
      ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'],
      `${field}.dnsPolicy`,
      true,
    ),
  );
  errors.push(...checkLabels(spec.nodeSelector, `${field}.nodeSelector`));
  spec.imagePullSecrets?.forEach((secret, i) => {
    if (!secret.name) errors.push(fieldError.required(`${field}.imagePullSecrets[${i}].name`));
  });
  if (spec.serviceAccountName)
    errors.push(...checkDnsSubdomain(spec.serviceAccountName, `${field}.serviceAccountName`));
  if (spec.nodeName) errors.push(...checkDnsSubdomain(spec.nodeName, `${field}.nodeName`));
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > 2147483647)) {
    errors.push(
      fieldError.invalid(`${field}.activeDeadlineSeconds`, deadline, 'must be between 1 and 2147483647, inclusive'),
    );
  }
  if (spec.hostname) errors.push(...checkDnsLabel(spec.hostname, `${field}.hostname`));
  if (spec.subdomain) errors.push(...checkDnsLabel(spec.subdomain, `${field}.subdomain`));
  errors.push(...checkPlacement(spec, field), ...checkResourceClaims(spec, field));
  errors.push(...checkTolerations(spec.tolerations ?? [], `${field}.tolerations`));
  errors.push(...checkNonNegative(spec.terminationGracePeriodSeconds, `${field}.terminationGracePeriodSeconds`));
  if (spec.priorityClassName) errors.push(...checkDnsSubdomain(spec.priorityClassName, `${field}.priorityClassName`));
  if (spec.hostNetwork) errors.push(...checkHostPorts(spec.containers ?? [], `${field}.containers`));
  return errors;
}

const notEphemeral = [
  'ports',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'resources',
  'resizePolicy',
] as const;

/** Debug containers live beside the others and cannot have what makes a workload. */
function checkEphemeral(spec: PodSpec, field: string, errors: FieldError[]): void {
  const text = 'cannot be set for an Ephemeral Container';
  const targets = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name));
  spec.ephemeralContainers?.forEach((container, i) => {
    const at = `${field}[${i}]`;
    for (const key of notEphemeral) {
      const value: object | undefined = (container as unknown as { readonly [key: string]: object | undefined })[key];
      if (value !== undefined && Object.keys(value).length > 0) errors.push(fieldError.forbidden(`${at}.${key}`, text));
    }
    container.volumeMounts?.forEach(({ subPath, subPathExpr }, j) => {
      if (subPath) errors.push(fieldError.forbidden(`${at}.volumeMounts[${j}].subPath`, text));
      if (subPathExpr) errors.push(fieldError.forbidden(`${at}.volumeMounts[${j}].subPathExpr`, text));
    });
    const target = container.targetContainerName;
    if (target && !targets.has(target)) errors.push(fieldError.notFound(`${at}.targetContainerName`, target));
  });
}

function checkHostPorts(containers: readonly Container[], field: string): FieldError[] {
  const errors: FieldError[] = [];
  containers.forEach((container, i) => {
    container.ports?.forEach((port, j) => {
      // A template keeps hostPort empty; a Pod has got it by default.
      if (port.hostPort && port.hostPort !== port.containerPort) {
        errors.push(
          fieldError.invalid(
            `${field}[${i}].ports[${j}].containerPort`,
            port.containerPort,
            'must match `hostPort` when `hostNetwork` is true',
          ),
        );
      }
    });
  });
  return errors;
}

/** Returns the names of the volumes. */
function checkVolumes(volumes: readonly DeepReadonly<core.Volume>[], field: string, errors: FieldError[]): Set<string> {
  const names = new Set<string>();
  volumes.forEach((volume, i) => {
    const at = `${field}[${i}]`;
    const nameErrors = checkDnsLabel(volume.name, `${at}.name`);
    errors.push(...nameErrors);
    if (nameErrors.length === 0) {
      if (names.has(volume.name)) errors.push(fieldError.duplicate(`${at}.name`, volume.name));
      names.add(volume.name);
    }
    const sources = Object.keys(volume).filter((key) => key !== 'name');
    for (const extra of sources.slice(1)) {
      errors.push(fieldError.forbidden(`${at}.${extra}`, 'may not specify more than 1 volume type'));
    }
    if (volume.secret && !volume.secret.secretName) errors.push(fieldError.required(`${at}.secret.secretName`));
    if (volume.configMap && !volume.configMap.name) errors.push(fieldError.required(`${at}.configMap.name`));
    if (volume.hostPath && !volume.hostPath.path) errors.push(fieldError.required(`${at}.hostPath.path`));
    if (volume.hostPath?.path.split('/').includes('..')) {
      errors.push(fieldError.invalid(`${at}.hostPath.path`, volume.hostPath.path, "must not contain '..'"));
    }
    if (volume.persistentVolumeClaim && !volume.persistentVolumeClaim.claimName) {
      errors.push(fieldError.required(`${at}.persistentVolumeClaim.claimName`));
    }
  });
  return names;
}

function checkContainers(
  containers: readonly Container[],
  field: string,
  volumes: ReadonlySet<string>,
  names: Set<string>,
  errors: FieldError[],
): void {
  containers.forEach((container, i) => {
    const at = `${field}[${i}]`;
    errors.push(...checkDnsLabel(container.name, `${at}.name`));
    if (container.name) {
      if (names.has(container.name)) errors.push(fieldError.duplicate(`${at}.name`, container.name));
      names.add(container.name);
    }
    checkContainer(container, at, volumes, errors);
  });
}

function checkContainer(container: Container, at: string, volumes: ReadonlySet<string>, errors: FieldError[]): void {
  const image = container.image ?? '';
  if (image === '') errors.push(fieldError.required(`${at}.image`));
  else if (image !== image.trim()) {
    errors.push(fieldError.invalid(`${at}.image`, image, 'must not have leading or trailing whitespace'));
  }
  errors.push(...checkOneOf(container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never'], `${at}.imagePullPolicy`));
  errors.push(
    ...checkOneOf(
      container.terminationMessagePolicy,
      ['FallbackToLogsOnError', 'File'],
      `${at}.terminationMessagePolicy`,
    ),
  );
  checkRestarts(container, at, errors);
  checkContainerPorts(container, `${at}.ports`, errors);
  checkEnv(container, at, errors);
  const paths = new Set<string>();
  container.volumeMounts?.forEach((mount, i) => {
    const here = `${at}.volumeMounts[${i}]`;
    if (!mount.name) errors.push(fieldError.required(`${here}.name`));
    else if (!volumes.has(mount.name)) errors.push(fieldError.notFound(`${here}.name`, mount.name));
    if (!mount.mountPath) errors.push(fieldError.required(`${here}.mountPath`));
    else if (paths.has(mount.mountPath)) {
      errors.push(fieldError.invalid(`${here}.mountPath`, mount.mountPath, 'must be unique'));
    }
    paths.add(mount.mountPath);
    if (mount.subPath && mount.subPathExpr) {
      errors.push(
        fieldError.invalid(`${here}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'),
      );
    }
    for (const key of ['subPath', 'subPathExpr'] as const) {
      const path = mount[key];
      if (path === undefined) continue;
      if (path.startsWith('/')) errors.push(fieldError.invalid(`${here}.${key}`, path, 'must be a relative path'));
      if (path.split('/').includes('..'))
        errors.push(fieldError.invalid(`${here}.${key}`, path, "must not contain '..'"));
    }
  });
  checkProbe(container.livenessProbe, `${at}.livenessProbe`, errors, true);
  checkProbe(container.readinessProbe, `${at}.readinessProbe`, errors, false);
  checkProbe(container.startupProbe, `${at}.startupProbe`, errors, true);
  if (container.lifecycle?.postStart) checkHandler(container.lifecycle.postStart, `${at}.lifecycle.postStart`, errors);
  if (container.lifecycle?.preStop) checkHandler(container.lifecycle.preStop, `${at}.lifecycle.preStop`, errors);
  checkResources(container.resources, `${at}.resources`, errors);
}

function checkContainerPorts(container: Container, field: string, errors: FieldError[]): void {
  const names = new Set<string>();
  container.ports?.forEach((port, i) => {
    const at = `${field}[${i}]`;
    if (port.name) {
      const nameErrors = checkPortName(port.name, `${at}.name`);
      errors.push(...nameErrors);
      if (nameErrors.length === 0 && names.has(port.name)) errors.push(fieldError.duplicate(`${at}.name`, port.name));
      names.add(port.name);
    }
    if (!port.containerPort) errors.push(fieldError.required(`${at}.containerPort`));
    else errors.push(...checkPort(port.containerPort, `${at}.containerPort`));
    if (port.hostPort) errors.push(...checkPort(port.hostPort, `${at}.hostPort`));
    errors.push(...checkOneOf(port.protocol, ['SCTP', 'TCP', 'UDP'], `${at}.protocol`, true));
  });
}

function checkEnv(container: Container, at: string, errors: FieldError[]): void {
  container.env?.forEach((env, i) => {
    const here = `${at}.env[${i}]`;
    if (!env.name) errors.push(fieldError.required(`${here}.name`));
    else if (!/^[\x20-\x3c\x3e-\x7e]+$/.test(env.name)) {
      errors.push(
        fieldError.invalid(
          `${here}.name`,
          env.name,
          "a valid environment variable name must consist only of printable ASCII characters other than '='",
        ),
      );
    }
    if (env.valueFrom === undefined) return;
    const sources = Object.keys(env.valueFrom);
    if (sources.length === 0) {
      errors.push(
        fieldError.invalid(
          `${here}.valueFrom`,
          '',
          'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
        ),
      );
    } else if (env.value) {
      errors.push(fieldError.invalid(`${here}.valueFrom`, '', 'may not be specified when `value` is not empty'));
    } else if (sources.length > 1) {
      errors.push(fieldError.invalid(`${here}.valueFrom`, '', 'may not have more than one field specified at a time'));
    }
    for (const source of ['configMapKeyRef', 'secretKeyRef'] as const) {
      const ref = env.valueFrom[source];
      if (ref === undefined) continue;
      if (!ref.name) errors.push(fieldError.required(`${here}.valueFrom.${source}.name`));
      if (!ref.key) errors.push(fieldError.required(`${here}.valueFrom.${source}.key`));
    }
    if (env.valueFrom.fieldRef && !env.valueFrom.fieldRef.fieldPath) {
      errors.push(fieldError.required(`${here}.valueFrom.fieldRef.fieldPath`));
    }
  });
  container.envFrom?.forEach((source, i) => {
    const here = `${at}.envFrom[${i}]`;
    if (source.configMapRef && source.secretRef) {
      errors.push(fieldError.invalid(here, '', 'may not have more than one field specified at a time'));
    } else if (!source.configMapRef && !source.secretRef) {
      errors.push(fieldError.invalid(here, '', 'must specify one of: `configMapRef` or `secretRef`'));
    }
    if (source.configMapRef && !source.configMapRef.name) errors.push(fieldError.required(`${here}.configMapRef.name`));
    if (source.secretRef && !source.secretRef.name) errors.push(fieldError.required(`${here}.secretRef.name`));
  });
}

function checkProbe(
  probe: DeepReadonly<core.Probe> | undefined,
  at: string,
  errors: FieldError[],
  successOnce: boolean,
): void {
  if (probe === undefined) return;
  checkHandler(probe, at, errors);
  for (const key of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const) {
    errors.push(...checkNonNegative(probe[key], `${at}.${key}`));
  }
  if (successOnce && probe.successThreshold !== undefined && probe.successThreshold !== 1) {
    errors.push(fieldError.invalid(`${at}.successThreshold`, probe.successThreshold, 'must be 1'));
  }
}

interface Handler {
  readonly exec?: DeepReadonly<core.ExecAction>;
  readonly httpGet?: DeepReadonly<core.HTTPGetAction>;
  readonly tcpSocket?: DeepReadonly<core.TCPSocketAction>;
  readonly grpc?: DeepReadonly<core.GRPCAction>;
  readonly sleep?: unknown;
}

function checkHandler(handler: Handler, at: string, errors: FieldError[]): void {
  const kinds = (['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const).filter(
    (key) => handler[key] !== undefined,
  );
  if (kinds.length === 0) errors.push(fieldError.required(at, 'must specify a handler type'));
  for (const extra of kinds.slice(1)) {
    errors.push(fieldError.forbidden(`${at}.${extra}`, 'may not specify more than 1 handler type'));
  }
  if (kinds[0] === 'exec' && (handler.exec?.command ?? []).length === 0) {
    errors.push(fieldError.required(`${at}.exec.command`));
  }
  if (kinds[0] === 'httpGet') {
    if (!handler.httpGet?.path) errors.push(fieldError.required(`${at}.httpGet.path`));
    errors.push(...checkPortNumberOrName(handler.httpGet?.port, `${at}.httpGet.port`));
    errors.push(...checkOneOf(handler.httpGet?.scheme, ['HTTP', 'HTTPS'], `${at}.httpGet.scheme`));
  }
  if (kinds[0] === 'tcpSocket') errors.push(...checkPortNumberOrName(handler.tcpSocket?.port, `${at}.tcpSocket.port`));
  if (kinds[0] === 'grpc') errors.push(...checkPort(handler.grpc?.port, `${at}.grpc.port`));
}

const standardResources: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);

function checkResources(
  resources: DeepReadonly<core.ResourceRequirements> | undefined,
  at: string,
  errors: FieldError[],
): void {
  const limits: { readonly [name: string]: string } = resources?.limits ?? {};
  const requests: { readonly [name: string]: string } = resources?.requests ?? {};
  for (const [list, values] of [
    ['limits', limits],
    ['requests', requests],
  ] as const) {
    for (const [name, value] of Object.entries(values)) {
      const here = `${at}.${list}`;
      errors.push(...qualifiedNameErrors(name).map((text) => fieldError.invalid(here, name, text)));
      if (!name.includes('/') && !standardResources.has(name) && !name.startsWith('hugepages-')) {
        errors.push(fieldError.invalid(here, name, 'must be a standard resource type or fully qualified'));
        errors.push(fieldError.invalid(here, name, 'must be a standard resource for containers'));
      }
      if (compareQuantityTexts(value, '0') < 0) {
        errors.push(fieldError.invalid(`${here}[${name}]`, value, 'must be greater than or equal to 0'));
      }
    }
  }
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name];
    if (limit !== undefined && compareQuantityTexts(request, limit) > 0) {
      errors.push(
        fieldError.invalid(`${at}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`),
      );
    }
  }
}

function checkTolerations(tolerations: readonly DeepReadonly<core.Toleration>[], field: string): FieldError[] {
  const errors: FieldError[] = [];
  tolerations.forEach((toleration, i) => {
    const at = `${field}[${i}]`;
    if (toleration.key) {
      errors.push(
        ...qualifiedNameErrors(toleration.key).map((text) => fieldError.invalid(`${at}.key`, toleration.key, text)),
      );
    } else if (toleration.operator !== 'Exists') {
      errors.push(
        fieldError.invalid(
          `${at}.operator`,
          toleration.operator ?? '',
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    }
    if (toleration.tolerationSeconds !== undefined && toleration.effect !== 'NoExecute') {
      errors.push(
        fieldError.invalid(
          `${at}.effect`,
          toleration.effect ?? '',
          "effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
      );
    }
    errors.push(...checkOneOf(toleration.operator, ['Equal', 'Exists'], `${at}.operator`));
    if (toleration.operator === 'Exists' && toleration.value) {
      errors.push(
        fieldError.invalid(`${at}.operator`, toleration.value, "value must be empty when `operator` is 'Exists'"),
      );
    }
    errors.push(...checkOneOf(toleration.effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute'], `${at}.effect`));
  });
  return errors;
}
