import { apiVersionOf } from '../../apimachinery/group-version.ts';
import { type ApiResource, createDiscovery } from '../../client/discovery.ts';
import { flag } from '../../component/flags.ts';
import { defineCommand, karmadaFlags } from '../command.ts';
import { singleScopeFlags, singleTarget } from '../member-access.ts';
import { formatColumns } from '../printing/columns.ts';
import { formatObject } from '../printing/objects.ts';

export const apiResourcesCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    ...singleScopeFlags,
    'api-group': flag.string('', 'Limit to resources in the specified API group.'),
    namespaced: flag.bool(
      true,
      'If false, non-namespaced resources will be returned, otherwise returning namespaced resources by default.',
    ),
    verbs: flag.list([], 'Limit to resources that support the specified verbs.'),
    categories: flag.list([], 'Limit to resources that belong to the specified categories.'),
    'sort-by': flag.choice(['', 'name', 'kind'], '', 'If non-empty, sort list of resources using specified field.'),
    output: flag.choice(
      ['', 'json', 'yaml', 'kyaml', 'name', 'wide'],
      '',
      'Output format. One of: (json, yaml, kyaml, name, wide).',
      { shorthand: 'o' },
    ),
    cached: {
      ...flag.bool(false, 'Use the cached list of resources if available: none is kept, the server is asked.'),
      notice: () => '--cached: no list of resources is kept, the server is asked',
    },
    'no-headers': flag.bool(false, "When using the default or custom-column output format, don't print headers."),
  },
  async run({ values, given, args, io, signal }) {
    if (args.length > 0) throw new Error(`unexpected arguments: [${args.join(' ')}]`);
    const { client } = await singleTarget(values, signal);
    const { groupVersions, failed } = await createDiscovery(client).serverResources(signal);
    const wide = values.output === 'wide';
    const seen = new Set<string>();
    const found = groupVersions
      .flatMap(({ resources }) => resources)
      .filter((resource) => {
        // Only the preferred version of each.
        const key = `${resource.resource}.${resource.group}`;
        if (seen.has(key)) return false;
        seen.add(key);
        return (
          (!given.has('api-group') || resource.group === values['api-group']) &&
          (!given.has('namespaced') || resource.namespaced === values.namespaced) &&
          values.verbs.every((verb) => resource.verbs.includes(verb)) &&
          values.categories.every((category) => resource.categories.includes(category))
        );
      });
    const sortKey = values['sort-by'] === 'kind' ? 'kind' : values['sort-by'] === 'name' ? 'resource' : undefined;
    found.sort((a, b) => {
      const [x, y] = sortKey ? [a[sortKey], b[sortKey]] : [`${a.group}/${a.resource}`, `${b.group}/${b.resource}`];
      return x < y ? -1 : x > y ? 1 : 0;
    });
    const { output } = values;
    if (output === 'json' || output === 'yaml' || output === 'kyaml') {
      io.stdout(await formatObject(resourceList(found), output));
      return;
    }
    if (output === 'name')
      io.stdout(found.map(({ resource, group }) => `${resource}${group === '' ? '' : `.${group}`}\n`).join(''));
    else
      io.stdout(
        formatColumns(
          {
            headers: [
              'name',
              'shortnames',
              'apiversion',
              'namespaced',
              'kind',
              ...(wide ? ['verbs', 'categories'] : []),
            ],
            rows: found.map((one) => [
              one.resource,
              one.shortNames.join(','),
              apiVersionOf(one),
              String(one.namespaced),
              one.kind,
              ...(wide ? [one.verbs.join(','), one.categories.join(',')] : []),
            ]),
          },
          !values['no-headers'],
        ),
      );
    if (failed.length > 0)
      throw new Error(`unable to retrieve the complete list of server APIs: ${failed.map(apiVersionOf).join(', ')}`);
  },
});

const resourceList = (found: readonly ApiResource[]): object => ({
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: '',
  resources: found.map(({ resource, shortNames, categories, ...one }) => ({
    name: resource,
    ...one,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
  })),
});

export const apiVersionsCommand = defineCommand({
  flags: { ...karmadaFlags, ...singleScopeFlags },
  async run({ values, args, io, signal }) {
    if (args.length > 0) throw new Error(`unexpected arguments: [${args.join(' ')}]`);
    const { client } = await singleTarget(values, signal);
    const { groupVersions } = await createDiscovery(client).serverResources(signal);
    const versions = new Set(groupVersions.map(apiVersionOf));
    io.stdout(
      [...versions]
        .sort()
        .map((version) => `${version}\n`)
        .join(''),
    );
  },
});
