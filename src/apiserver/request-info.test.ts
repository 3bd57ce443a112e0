import { describe, expect, it } from 'vitest';
import { parseRequestInfo, selectedName } from './request-info.ts';

const info = (method: string, url: string) => {
  const [path = '', query = ''] = url.split('?');
  return parseRequestInfo(method, path, new URLSearchParams(query));
};

describe('the grammar of request paths', () => {
  it.each([
    ['GET', '/api/v1/pods', 'list', '', 'v1', '', 'pods', '', ''],
    ['GET', '/api/v1/pods?watch=true', 'watch', '', 'v1', '', 'pods', '', ''],
    ['GET', '/api/v1/pods?watch=0', 'list', '', 'v1', '', 'pods', '', ''],
    ['GET', '/api/v1/namespaces/a/pods/p', 'get', '', 'v1', 'a', 'pods', 'p', ''],
    ['GET', '/api/v1/namespaces/a/pods/p?watch=true', 'get', '', 'v1', 'a', 'pods', 'p', ''],
    ['GET', '/api/v1/namespaces/a/pods/p/log', 'get', '', 'v1', 'a', 'pods', 'p', 'log'],
    ['GET', '/api/v1/namespaces/a', 'get', '', 'v1', 'a', 'namespaces', 'a', ''],
    ['PUT', '/api/v1/namespaces/a/status', 'update', '', 'v1', 'a', 'namespaces', 'a', 'status'],
    ['PUT', '/api/v1/namespaces/a/finalize', 'update', '', 'v1', 'a', 'namespaces', 'a', 'finalize'],
    ['GET', '/api/v1/namespaces/a/status/x', 'get', '', 'v1', 'a', 'status', 'x', ''],
    ['POST', '/apis/apps/v1/namespaces/a/deployments', 'create', 'apps', 'v1', 'a', 'deployments', '', ''],
    [
      'PATCH',
      '/apis/apps/v1/namespaces/a/deployments/d/scale',
      'patch',
      'apps',
      'v1',
      'a',
      'deployments',
      'd',
      'scale',
    ],
    ['DELETE', '/apis/apps/v1/namespaces/a/deployments', 'deletecollection', 'apps', 'v1', 'a', 'deployments', '', ''],
    ['DELETE', '/apis/apps/v1/namespaces/a/deployments/d', 'delete', 'apps', 'v1', 'a', 'deployments', 'd', ''],
    ['GET', '/api/v1/watch/namespaces/a/pods', 'watch', '', 'v1', 'a', 'pods', '', ''],
    ['POST', '/api/v1/namespaces/a/pods/p/exec', 'create', '', 'v1', 'a', 'pods', 'p', 'exec'],
    ['HEAD', '/api/v1/namespaces/a/pods/p', 'get', '', 'v1', 'a', 'pods', 'p', ''],
  ])('%s %s is %s', (method, url, verb, group, version, namespace, resource, name, subresource) => {
    expect(info(method, url)).toMatchObject({
      isResource: true,
      verb,
      group,
      version,
      namespace,
      resource,
      name,
      subresource,
    });
  });

  it.each(['/', '/api', '/api/v1', '/apis', '/apis/apps', '/apis/apps/v1', '/healthz', '/openapi/v3/api/v1'])(
    '%s is no resource',
    (path) => {
      expect(info('GET', path)).toMatchObject({ isResource: false, verb: 'get' });
    },
  );

  it('keeps what follows a subresource as it came', () => {
    expect(info('GET', '/api/v1/namespaces/a/services/s/proxy/x%2Fy/z/').rest).toBe('x%2Fy/z/');
  });

  it('carries the name of a list by metadata.name, but not of a deletecollection', () => {
    expect(selectedName(info('GET', '/api/v1/pods?fieldSelector=metadata.name%3Dx'))).toBe('x');
    expect(selectedName(info('DELETE', '/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Dx'))).toBe('');
  });

  it('refuses a path that cannot be decoded', () => {
    expect(() => info('GET', '/api/v1/namespaces/%zz')).toThrow('invalid URL escape');
  });
});
