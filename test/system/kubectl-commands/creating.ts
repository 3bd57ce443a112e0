/** Making things, looking at them, describing them. */
import { fails, type Row, soon, warns } from './table.ts';

export const creating: readonly Row[] = [
  ['version', 'Client Version: v1.35.2 Kustomize Version: ~ Server Version: v1.36.0'],
  ['cluster-info', 'Kubernetes control plane is running at https://127.0.0.1:~ …'],
  ['api-versions', '… apps/v1 … batch/v1 … v1'],
  [
    'api-resources --api-group=apps',
    `NAME SHORTNAMES APIVERSION NAMESPACED KIND
     controllerrevisions apps/v1 true ControllerRevision
     daemonsets ds apps/v1 true DaemonSet
     deployments deploy apps/v1 true Deployment
     replicasets rs apps/v1 true ReplicaSet
     statefulsets sts apps/v1 true StatefulSet`,
  ],
  ['api-resources --namespaced=false -o name', '… namespaces nodes … clusterroles.rbac.authorization.k8s.io …'],
  ['api-resources --verbs=list,watch --categories=all -o name', 'pods … services … deployments.apps … jobs.batch'],
  ['create namespace shop', 'namespace/shop created'],
  ['create namespace shop', fails('Error from server (AlreadyExists): namespaces "shop" already exists')],
  ['config set-context --current --namespace=shop', 'Context "ctl" modified.'],
  ['get namespace shop', 'NAME STATUS AGE shop Active ~'],
  ['get all', warns('', 'No resources found in shop namespace.')],
  ['get pods', warns('', 'No resources found in shop namespace.')],
  ['create configmap settings --from-literal=color=blue --from-literal=size=9', 'configmap/settings created'],
  ['get configmap settings', 'NAME DATA AGE settings 2 ~'],
  ['get configmap settings -o jsonpath={.data.color}', 'blue'],
  ['create secret generic login --from-literal=user=me --from-literal=password=s3cret', 'secret/login created'],
  ['get secret login', 'NAME TYPE DATA AGE login Opaque 2 ~'],
  ['get secret login -o jsonpath={.data.user}', 'bWU='],
  ['get secrets --field-selector=type=Opaque -o name', 'secret/login'],
  [
    'create secret docker-registry reg --docker-server=r.example --docker-username=u --docker-password=p',
    'secret/reg created',
  ],
  ['get secret reg -o jsonpath={.type}', 'kubernetes.io/dockerconfigjson'],
  ['create serviceaccount robot', 'serviceaccount/robot created'],
  ['create token robot --duration=1h', '~.~.~'],
  ['create token nobody', fails('error: failed to create token: serviceaccounts "nobody" not found')],
  [
    'create role reader --verb=get,list,watch --resource=pods,pods/log',
    'role.rbac.authorization.k8s.io/reader created',
  ],
  [
    'create rolebinding robot-reads --role=reader --serviceaccount=shop:robot',
    'rolebinding.rbac.authorization.k8s.io/robot-reads created',
  ],
  [
    'create clusterrole node-reader --verb=get,list --resource=nodes',
    'clusterrole.rbac.authorization.k8s.io/node-reader created',
  ],
  [
    'create clusterrolebinding robot-nodes --clusterrole=node-reader --serviceaccount=shop:robot',
    'clusterrolebinding.rbac.authorization.k8s.io/robot-nodes created',
  ],
  ['get rolebindings -o wide', 'NAME ROLE AGE USERS GROUPS SERVICEACCOUNTS robot-reads Role/reader ~ shop/robot'],
  ['create quota small --hard=pods=40,configmaps=50', 'resourcequota/small created'],
  ['create poddisruptionbudget web --selector=app=web --min-available=1', 'poddisruptionbudget.policy/web created'],
  ['get pdb', soon('NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE web 1 N/A 0 ~')],
  ['create priorityclass high --value=1000 --description=important', 'priorityclass.scheduling.k8s.io/high created'],
  ['get priorityclass high', 'NAME VALUE GLOBAL-DEFAULT AGE PREEMPTIONPOLICY high 1000 false ~ PreemptLowerPriority'],
  ['create deployment web --image=nginx:1.27 --replicas=2 --port=80', 'deployment.apps/web created'],
  ['rollout status deployment/web --timeout=30s', '… deployment "web" successfully rolled out'],
  ['get deployment web', 'NAME READY UP-TO-DATE AVAILABLE AGE web 2/2 2 2 ~'],
  [
    'get deployment web -o wide',
    'NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR web 2/2 2 2 ~ nginx nginx:1.27 app=web',
  ],
  [
    'get deploy,rs,pods -l app=web',
    `NAME READY UP-TO-DATE AVAILABLE AGE
     deployment.apps/web 2/2 2 2 ~
     NAME DESIRED CURRENT READY AGE
     replicaset.apps/web-~ 2 2 2 ~
     NAME READY STATUS RESTARTS AGE
     pod/web-~ 1/1 Running 0 ~
     pod/web-~ 1/1 Running 0 ~`,
  ],
  [
    'get pods -o wide',
    `NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES
     web-~ 1/1 Running 0 ~ 10.~ ctl-~ <none> <none>
     web-~ 1/1 Running 0 ~ 10.~ ctl-~ <none> <none>`,
  ],
  ['get pods -o name', 'pod/web-~ pod/web-~'],
  ['get pods --field-selector=status.phase=Running -o name', 'pod/web-~ pod/web-~'],
  ['get pods --field-selector=status.phase!=Running', warns('', 'No resources found in shop namespace.')],
  ['get pods --field-selector=spec.nope=x', fails('… field label not supported: spec.nope')],
  ['get pods -l app=web -o jsonpath={.items[*].spec.containers[0].image}', 'nginx:1.27 nginx:1.27'],
  ['get pods -l app!=web', warns('', 'No resources found in shop namespace.')],
  ["get pods -l 'app in (web,other)' -o name", 'pod/web-~ pod/web-~'],
  [
    'get pods --show-labels',
    'NAME READY STATUS RESTARTS AGE LABELS web-~ 1/1 Running 0 ~ app=web,pod-template-hash=~ …',
  ],
  ['get pods -L app', 'NAME READY STATUS RESTARTS AGE APP web-~ 1/1 Running 0 ~ web …'],
  [
    'get pods --sort-by=.metadata.name -o custom-columns=NAME:.metadata.name,PHASE:.status.phase',
    'NAME PHASE web-~ Running web-~ Running',
  ],
  ['get pods -A', 'NAMESPACE NAME READY STATUS RESTARTS AGE shop web-~ 1/1 Running 0 ~ …'],
  ['get pods --chunk-size=1 -o name', 'pod/web-~ pod/web-~'],
  ['get deployment nope', fails('Error from server (NotFound): deployments.apps "nope" not found')],
  ['get foo', fails(`error: the server doesn't have a resource type "foo"`)],
  ['get deployment web -o yaml', 'apiVersion: apps/v1 kind: Deployment metadata: … status: …'],
  ["get deployment web -o 'go-template={{.spec.replicas}}'", '2'],
  ['get deployment web --show-managed-fields -o jsonpath={.metadata.managedFields[0].manager}', 'kubectl-create'],
  ['get deployment web --subresource=scale -o jsonpath={.kind}/{.spec.replicas}', 'Scale/2'],
  [
    'get nodes',
    'NAME STATUS ROLES AGE VERSION ctl-control-plane Ready control-plane ~ v1.36.0 ctl-worker Ready <none> ~ v1.36.0',
  ],
  [
    'describe deployment web',
    'Name: web Namespace: shop … Replicas: 2 desired | 2 updated | 2 total | 2 available | 0 unavailable …',
  ],
  ['describe pods -l app=web', 'Name: web-~ Namespace: shop … Controlled By: ReplicaSet/web-~ … Events: …'],
  ['describe node ctl-worker', 'Name: ctl-worker … Allocated resources: …'],
  [
    'describe namespace shop',
    'Name: shop Labels: kubernetes.io/metadata.name=shop Annotations: <none> Status: Active …',
  ],
  ['describe configmap settings', 'Name: settings … color: ---- blue …'],
  ['describe secret login', 'Name: login … password: 6 bytes user: 2 bytes'],
  ['describe role reader', 'Name: reader … pods [] [] [get list watch]'],
  ['describe rolebinding robot-reads', '… ServiceAccount robot shop'],
];
