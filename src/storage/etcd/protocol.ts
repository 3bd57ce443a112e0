/**
 * The part of etcd's v3 protocol that the store speaks: names and field numbers are what both sides must agree on.
 *
 * Enums are declared as numbers: the loader turns a name that it does not know into 0, which here would be another
 * comparison, not an error.
 */
import { fromJSON, type ServiceDefinition } from '@grpc/proto-loader';
import type { INamespace } from 'protobufjs';

type Fields = Readonly<Record<string, object>>;
const single = (id: number, type: string) => ({ id, type });
const several = (id: number, type: string) => ({ id, type, rule: 'repeated' });
const message = (fields: Fields, oneofs: Record<string, readonly string[]> = {}) => ({
  fields,
  oneofs: Object.fromEntries(Object.entries(oneofs).map(([name, oneof]) => [name, { oneof }])),
});

const header = single(1, 'ResponseHeader');

const messages = {
  ResponseHeader: message({ revision: single(3, 'int64') }),
  KeyValue: message({
    key: single(1, 'bytes'),
    create_revision: single(2, 'int64'),
    mod_revision: single(3, 'int64'),
    value: single(5, 'bytes'),
  }),
  RangeRequest: message({
    key: single(1, 'bytes'),
    range_end: single(2, 'bytes'),
    limit: single(3, 'int64'),
    revision: single(4, 'int64'),
    count_only: single(9, 'bool'),
  }),
  RangeResponse: message({ header, kvs: several(2, 'KeyValue'), count: single(4, 'int64') }),
  PutRequest: message({ key: single(1, 'bytes'), value: single(2, 'bytes') }),
  PutResponse: message({ header }),
  DeleteRangeRequest: message({ key: single(1, 'bytes'), range_end: single(2, 'bytes') }),
  DeleteRangeResponse: message({ header, deleted: single(2, 'int64') }),
  Compare: message(
    {
      result: single(1, 'int32'),
      target: single(2, 'int32'),
      key: single(3, 'bytes'),
      mod_revision: single(6, 'int64'),
    },
    { target_union: ['mod_revision'] },
  ),
  RequestOp: message(
    {
      request_range: single(1, 'RangeRequest'),
      request_put: single(2, 'PutRequest'),
      request_delete_range: single(3, 'DeleteRangeRequest'),
    },
    { request: ['request_range', 'request_put', 'request_delete_range'] },
  ),
  ResponseOp: message({ response_range: single(1, 'RangeResponse') }, { response: ['response_range'] }),
  TxnRequest: message({
    compare: several(1, 'Compare'),
    success: several(2, 'RequestOp'),
    failure: several(3, 'RequestOp'),
  }),
  TxnResponse: message({ header, succeeded: single(2, 'bool'), responses: several(3, 'ResponseOp') }),
  CompactionRequest: message({ revision: single(1, 'int64') }),
  CompactionResponse: message({ header }),
  WatchRequest: message({ create_request: single(1, 'WatchCreateRequest') }, { request_union: ['create_request'] }),
  WatchCreateRequest: message({
    key: single(1, 'bytes'),
    range_end: single(2, 'bytes'),
    start_revision: single(3, 'int64'),
    prev_kv: single(6, 'bool'),
    fragment: single(8, 'bool'),
  }),
  Event: message({ type: single(1, 'int32'), kv: single(2, 'KeyValue'), prev_kv: single(3, 'KeyValue') }),
  WatchResponse: message({
    header,
    created: single(3, 'bool'),
    canceled: single(4, 'bool'),
    compact_revision: single(5, 'int64'),
    cancel_reason: single(6, 'string'),
    fragment: single(7, 'bool'),
    events: several(11, 'Event'),
  }),
  StatusRequest: message({}),
  StatusResponse: message({
    header,
    version: single(2, 'string'),
    dbSize: single(3, 'int64'),
    dbSizeInUse: single(9, 'int64'),
  }),
} as const;

/** Of Compare: `result` and `target`. */
export const compareEqual = 0;
export const compareModRevision = 2;
/** Of Event. */
export const eventDelete = 1;

interface Header {
  revision: number;
}

export interface EtcdKeyValue {
  key: Buffer;
  create_revision: number;
  mod_revision: number;
  value: Buffer;
}

export interface RangeRequest {
  key: Buffer;
  range_end?: Buffer;
  limit?: number;
  revision?: number;
  count_only?: boolean;
}

export interface RangeResponse {
  header: Header;
  kvs: EtcdKeyValue[];
  count: number;
}

export type RequestOp =
  | { request_range: RangeRequest }
  | { request_put: { key: Buffer; value: Buffer } }
  | { request_delete_range: { key: Buffer } };

export interface WatchResponse {
  header: Header;
  created: boolean;
  canceled: boolean;
  /** Above 0: the watch began before it, and was canceled for that. */
  compact_revision: number;
  cancel_reason: string;
  /** More events of the same response follow. */
  fragment: boolean;
  events: { type: number; kv: EtcdKeyValue; prev_kv: EtcdKeyValue | null }[];
}

/** Unary calls by name: what is sent, and what comes back. */
export interface Calls {
  Range: { request: RangeRequest; response: RangeResponse };
  Put: { request: { key: Buffer; value: Buffer }; response: { header: Header } };
  DeleteRange: { request: { key: Buffer; range_end?: Buffer }; response: { header: Header; deleted: number } };
  Txn: {
    request: {
      compare: { result: number; target: number; key: Buffer; mod_revision: number }[];
      success: RequestOp[];
      failure: RequestOp[];
    };
    response: { header: Header; succeeded: boolean; responses: { response_range: RangeResponse }[] };
  };
  Compact: { request: { revision: number }; response: { header: Header } };
  Status: { request: object; response: { header: Header; version: string; dbSize: number; dbSizeInUse: number } };
}

export interface WatchRequest {
  create_request: {
    key: Buffer;
    range_end: Buffer;
    start_revision: number;
    prev_kv: boolean;
    fragment: boolean;
  };
}

const method = (request: string, response: string, streams = false) => ({
  requestType: `.etcdserverpb.${request}`,
  responseType: `.etcdserverpb.${response}`,
  ...(streams ? { requestStream: true, responseStream: true } : {}),
});

const loaded = fromJSON(
  {
    nested: {
      etcdserverpb: {
        nested: {
          ...messages,
          KV: {
            methods: {
              Range: method('RangeRequest', 'RangeResponse'),
              Put: method('PutRequest', 'PutResponse'),
              DeleteRange: method('DeleteRangeRequest', 'DeleteRangeResponse'),
              Txn: method('TxnRequest', 'TxnResponse'),
              Compact: method('CompactionRequest', 'CompactionResponse'),
            },
          },
          Watch: { methods: { Watch: method('WatchRequest', 'WatchResponse', true) } },
          Maintenance: { methods: { Status: method('StatusRequest', 'StatusResponse') } },
        },
      },
    },
  } as unknown as INamespace,
  { keepCase: true, longs: Number, defaults: true, arrays: true, objects: true },
);

const service = (name: string): ServiceDefinition => loaded[`etcdserverpb.${name}`] as ServiceDefinition;

/** Paths and codecs of every call. Absent fields decode to their zero values, absent messages to null. */
export const methods: ServiceDefinition = { ...service('KV'), ...service('Watch'), ...service('Maintenance') };
