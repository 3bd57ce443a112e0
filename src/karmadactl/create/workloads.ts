/** create deployment, job, cronjob: objects from flags, as kubectl makes them. */
import type { Unstructured } from '../../apimachinery/object.ts';
import { flag } from '../../component/flags.ts';
import { cronJobs, deployments, jobs } from '../../kubernetes/resource-types.ts';
import { controlPlaneClient } from '../clients.ts';
import { creatingCommand, nameOf } from './create-flags.ts';

const imageFlag = flag.string('', 'Image name to run.');

export const createDeployment = creatingCommand(
  deployments,
  {
    image: flag.list([], 'Image names to run. A deployment can have multiple images set for multi-container pod.'),
    replicas: flag.int(1, 'Number of replicas to create. Default is 1.', { shorthand: 'r' }),
    port: flag.int(-1, 'The containerPort that this deployment exposes.'),
  },
  (values, args) => {
    const [name = '', ...command] = args;
    nameOf([name].filter((word) => word !== ''));
    if (values.image.length === 0) throw new Error('required flag(s) "image" not set');
    if (values.image.length > 1 && command.length > 0)
      throw new Error('cannot specify multiple --image options and command');
    if (values.port >= 0 && (values.port < 1 || values.port > 65_535))
      throw new Error(`--port must be between 1 and 65535, not ${values.port}`);
    return deployment(name, values.image, values.replicas, values.port, command);
  },
);

export function deployment(
  name: string,
  images: readonly string[],
  replicas: number,
  port: number,
  command: readonly string[],
): Unstructured {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      strategy: {},
      template: { metadata: { labels }, spec: { containers: containersOf(images, port, command) } },
    },
    status: {},
  };
}

/** Named after their images; several of one name get a suffix. */
function containersOf(images: readonly string[], port: number, command: readonly string[]): object[] {
  const names = images.map((image) =>
    (image.split('/').at(-1) ?? '')
      .replace(/[@:].*$/, '')
      .replace(/[^a-z0-9-]/gi, '-')
      .toLowerCase(),
  );
  return images.map((image, at) => ({
    name: names.indexOf(names[at] ?? '') === at ? names[at] : `${names[at]}-${at}`,
    image,
    ...(command.length > 0 ? { command } : {}),
    ...(port >= 0 ? { ports: [{ containerPort: port }] } : {}),
    resources: {},
  }));
}

const podSpec = (name: string, image: string, command: readonly string[], restartPolicy: string) => ({
  containers: [{ name, image, ...(command.length > 0 ? { command } : {}), resources: {} }],
  restartPolicy,
});

export const createJob = creatingCommand(
  jobs,
  {
    image: imageFlag,
    from: flag.string('', 'The name of the resource to create a Job from (only cronjob is supported).'),
  },
  async (values, [name = '', ...command], _given, { values: all, signal }) => {
    nameOf([name].filter((word) => word !== ''));
    if ((values.image === '') === (values.from === '')) throw new Error('either --image or --from must be specified');
    if (values.from === '')
      return {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name },
        spec: { template: { metadata: {}, spec: podSpec(name, values.image, command, 'Never') } },
        status: {},
      };
    if (command.length > 0) throw new Error('cannot specify --from and command');
    const [type, of] = values.from.split('/');
    if (!of || !/^(cj|cronjobs?|cronjobs?\.batch)$/.test(type ?? ''))
      throw new Error(`from must be an existing cronjob: got ${JSON.stringify(values.from)}, expected cronjob/NAME`);
    const connected = controlPlaneClient(all as never);
    const namespace = (all as { namespace?: string }).namespace || connected.namespace;
    return jobFromCronJob(
      name,
      await connected.client.resource<Unstructured>(cronJobs).get({ namespace, name: of }, { signal }),
    );
  },
);

export function jobFromCronJob(name: string, cronJob: Unstructured): Unstructured {
  const { jobTemplate } = cronJob['spec'] as { jobTemplate: { metadata?: Unstructured['metadata']; spec: object } };
  const { name: owner = '', uid = '' } = cronJob.metadata;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      annotations: { 'cronjob.kubernetes.io/instantiate': 'manual', ...jobTemplate.metadata?.annotations },
      ...(jobTemplate.metadata?.labels === undefined ? {} : { labels: jobTemplate.metadata.labels }),
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: owner, uid, controller: true }],
    },
    spec: jobTemplate.spec,
    status: {},
  };
}

export const createCronJob = creatingCommand(
  cronJobs,
  {
    image: imageFlag,
    schedule: flag.string('', 'A schedule in the Cron format the job should be run with.'),
    restart: flag.string('', "Job's restart policy. supported values: OnFailure, Never."),
  },
  (values, [name = '', ...command]) => {
    nameOf([name].filter((word) => word !== ''));
    const missing = (['image', 'schedule'] as const).filter((one) => values[one] === '');
    if (missing.length > 0)
      throw new Error(`required flag(s) ${missing.map((one) => JSON.stringify(one)).join(', ')} not set`);
    return {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name },
      spec: {
        jobTemplate: {
          metadata: { name },
          spec: {
            template: { metadata: {}, spec: podSpec(name, values.image, command, values.restart || 'OnFailure') },
          },
        },
        schedule: values.schedule,
      },
      status: {},
    };
  },
);
