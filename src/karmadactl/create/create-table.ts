/** Sub-commands of create: what help says of them, and where their bodies are. */

import type { FlagTable } from '../../component/flags.ts';
import type { CommandBody, CommandEntry } from '../command.ts';

type Body = Promise<CommandBody<FlagTable>>;

const entry = (name: string, short: string, usage: string, examples: string, load: () => Body): CommandEntry => ({
  name,
  short,
  usage: `create ${name} ${usage} [flags]`,
  examples,
  load,
});

const below = (parent: string, { name, usage, ...rest }: CommandEntry): CommandEntry => ({
  ...rest,
  name,
  usage: usage.replace(/^create /, `create ${parent} `),
});

export const createTable: readonly CommandEntry[] = [
  entry(
    'clusterrole',
    'Create a cluster role',
    'NAME --verb=verb --resource=resource.group [--resource-name=resourcename]',
    `
# A cluster role that may read pods
karmadactl create clusterrole pod-reader --verb=get,list,watch --resource=pods

# One for a URL that is no resource
karmadactl create clusterrole health --verb=get --non-resource-url=/healthz`,
    async () => (await import('./access.ts')).createClusterRole,
  ),
  entry(
    'clusterrolebinding',
    'Create a cluster role binding for a particular cluster role',
    'NAME --clusterrole=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname]',
    `
# Let user1 and group1 do everything
karmadactl create clusterrolebinding cluster-admin --clusterrole=cluster-admin --user=user1 --group=group1`,
    async () => (await import('./access.ts')).createClusterRoleBinding,
  ),
  {
    ...entry(
      'configmap',
      'Create a config map from a local file, directory or literal value',
      'NAME [--from-file=[key=]source] [--from-literal=key1=value1]',
      `
# From literal values
karmadactl create configmap my-config --from-literal=key1=config1 --from-literal=key2=config2

# From a folder, a key a file
karmadactl create configmap my-config --from-file=path/to/bar

# From a file of key=value lines
karmadactl create configmap my-config --from-env-file=path/to/foo.env`,
      async () => (await import('./config.ts')).createConfigMap,
    ),
    aliases: ['cm'],
  },
  {
    ...entry(
      'cronjob',
      'Create a cron job with the specified name',
      "NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...]",
      `
# Every minute
karmadactl create cronjob my-job --image=busybox --schedule="*/1 * * * *" -- date`,
      async () => (await import('./workloads.ts')).createCronJob,
    ),
    aliases: ['cj'],
  },
  {
    ...entry(
      'deployment',
      'Create a deployment with the specified name',
      'NAME --image=image -- [COMMAND] [args...]',
      `
# Three replicas of nginx
karmadactl create deployment nginx --image=nginx --replicas=3

# The object only, to be changed and applied
karmadactl create deployment nginx --image=nginx --dry-run=client -o yaml`,
      async () => (await import('./workloads.ts')).createDeployment,
    ),
    aliases: ['deploy'],
  },
  {
    ...entry(
      'ingress',
      'Create an ingress with the specified name',
      'NAME --rule=host/path=service:port[,tls[=secret]]',
      `
# One host, with a certificate
karmadactl create ingress simple --rule="foo.com/bar=svc1:8080,tls=my-cert"

# Every path, as prefix
karmadactl create ingress catch-all --class=otheringress --rule="/*=svc:8080"`,
      async () => (await import('./network.ts')).createIngress,
    ),
    aliases: ['ing'],
  },
  entry(
    'job',
    'Create a job with the specified name',
    'NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...]',
    `
# With a command
karmadactl create job my-job --image=busybox -- date

# A cron job, now
karmadactl create job test-job --from=cronjob/a-cronjob`,
    async () => (await import('./workloads.ts')).createJob,
  ),
  {
    ...entry(
      'namespace',
      'Create a namespace with the specified name',
      'NAME',
      `
# It is made in every member cluster, too
karmadactl create namespace my-namespace`,
      async () => (await import('./config.ts')).createNamespace,
    ),
    aliases: ['ns'],
  },
  {
    ...entry(
      'poddisruptionbudget',
      'Create a pod disruption budget with the specified name',
      'NAME --selector=SELECTOR --min-available=N',
      `
# At least one of the pods with the label stays
karmadactl create poddisruptionbudget my-pdb --selector=app=rails --min-available=1`,
      async () => (await import('./config.ts')).createPodDisruptionBudget,
    ),
    aliases: ['pdb'],
  },
  {
    ...entry(
      'priorityclass',
      'Create a priority class with the specified name',
      'NAME --value=VALUE --global-default=BOOL',
      `
# A class above the others
karmadactl create priorityclass high-priority --value=1000 --description="high priority"`,
      async () => (await import('./config.ts')).createPriorityClass,
    ),
    aliases: ['pc'],
  },
  {
    ...entry(
      'quota',
      'Create a quota with the specified name',
      'NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2]',
      `
# Bounds for one namespace
karmadactl create quota my-quota --hard=cpu=1,memory=1G,pods=2,services=3`,
      async () => (await import('./config.ts')).createQuota,
    ),
    aliases: ['resourcequota'],
  },
  entry(
    'role',
    'Create a role with single rule',
    'NAME --verb=verb --resource=resource.group/subresource [--resource-name=resourcename]',
    `
# A role that may read pods and their status
karmadactl create role pod-reader --verb=get,list --resource=pods,pods/status`,
    async () => (await import('./access.ts')).createRole,
  ),
  entry(
    'rolebinding',
    'Create a role binding for a particular role or cluster role',
    'NAME --clusterrole=NAME|--role=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname]',
    `
# Let user1 administrate the namespace
karmadactl create rolebinding admin --clusterrole=admin --user=user1`,
    async () => (await import('./access.ts')).createRoleBinding,
  ),
  {
    name: 'secret',
    short: 'Create a secret using a specified subcommand',
    usage: 'create secret (docker-registry | generic | tls)',
    examples: `
# From literal values
karmadactl create secret generic my-secret --from-literal=key1=supersecret`,
    children: [
      below(
        'secret',
        entry(
          'docker-registry',
          'Create a secret for use with a Docker registry',
          'NAME --docker-username=user --docker-password=password [--docker-server=string]',
          `
# Credentials of a registry
karmadactl create secret docker-registry my-secret --docker-server=DOCKER_SERVER --docker-username=USER --docker-password=PASSWORD`,
          async () => (await import('./config.ts')).createRegistrySecret,
        ),
      ),
      below(
        'secret',
        entry(
          'generic',
          'Create a secret from a local file, directory, or literal value',
          'NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1]',
          `
# A key of its own name for a file
karmadactl create secret generic my-secret --from-file=ssh-privatekey=path/to/id_rsa`,
          async () => (await import('./config.ts')).createGenericSecret,
        ),
      ),
      below(
        'secret',
        entry(
          'tls',
          'Create a TLS secret',
          'NAME --cert=path/to/cert/file --key=path/to/key/file',
          `
# From a pair of files
karmadactl create secret tls tls-secret --cert=path/to/tls.crt --key=path/to/tls.key`,
          async () => (await import('./config.ts')).createTlsSecret,
        ),
      ),
    ],
  },
  {
    name: 'service',
    aliases: ['svc'],
    short: 'Create a service using a specified subcommand',
    usage: 'create service (clusterip | externalname | loadbalancer | nodeport)',
    examples: `
# Reached inside a cluster
karmadactl create service clusterip my-cs --tcp=5678:8080`,
    children: [
      below(
        'service',
        entry(
          'clusterip',
          'Create a ClusterIP service',
          'NAME [--tcp=<port>:<targetPort>]',
          `
# A service, and one that is headless
karmadactl create service clusterip my-cs --tcp=5678:8080
karmadactl create service clusterip my-cs --clusterip="None"`,
          async () => (await import('./network.ts')).createClusterIp,
        ),
      ),
      below(
        'service',
        entry(
          'externalname',
          'Create an ExternalName service',
          'NAME --external-name external.name',
          `
# Another name for bar.com
karmadactl create service externalname my-ns --external-name bar.com`,
          async () => (await import('./network.ts')).createExternalName,
        ),
      ),
      below(
        'service',
        entry(
          'loadbalancer',
          'Create a LoadBalancer service',
          'NAME [--tcp=port:targetPort]',
          `
# Reached from outside
karmadactl create service loadbalancer my-lbs --tcp=5678:8080`,
          async () => (await import('./network.ts')).createLoadBalancer,
        ),
      ),
      below(
        'service',
        entry(
          'nodeport',
          'Create a NodePort service',
          'NAME [--tcp=port:targetPort]',
          `
# At a port of every node
karmadactl create service nodeport my-ns --tcp=5678:8080 --node-port=30080`,
          async () => (await import('./network.ts')).createNodePort,
        ),
      ),
    ],
  },
  {
    ...entry(
      'serviceaccount',
      'Create a service account with the specified name',
      'NAME',
      `
# In the current namespace
karmadactl create serviceaccount my-service-account`,
      async () => (await import('./config.ts')).createServiceAccount,
    ),
    aliases: ['sa'],
  },
  entry(
    'token',
    'Request a service account token',
    'SERVICE_ACCOUNT_NAME',
    `
# Good for ten minutes
karmadactl create token myapp --duration 10m`,
    async () => (await import('./token.ts')).createToken as unknown as CommandBody<FlagTable>,
  ),
];
