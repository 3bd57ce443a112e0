/**
 * OpenAPI 2 documents as protobuf: gnostic's openapi.v2.Document, which older clients insist on. Only the messages and fields
 * that our documents use are named here; vendor extensions travel as JSON text.
 */
import protobuf from 'protobufjs';
import type { JsonObject } from './schema-components.ts';

export function encodeOpenApiV2(document: JsonObject): Buffer {
  const type = messages().lookupType('Document');
  return Buffer.from(type.encode(type.create(documentMessage(document))).finish());
}

let parsed: protobuf.Root | undefined;

function messages(): protobuf.Root {
  parsed ??= protobuf.parse(definitions, { keepCase: true }).root;
  return parsed;
}

const definitions = `syntax = "proto3";
message Any { string yaml = 2; }
message NamedAny { string name = 1; Any value = 2; }
message Info { string title = 1; string version = 2; }
message Document { string swagger = 1; Info info = 2; Paths paths = 8; Definitions definitions = 9; }
message Paths { repeated NamedPathItem path = 2; }
message NamedPathItem { string name = 1; PathItem value = 2; }
message PathItem { Operation get = 2; Operation put = 3; Operation post = 4; Operation delete = 5; Operation patch = 8; }
message Operation { string operation_id = 5; repeated ParametersItem parameters = 8; Responses responses = 9; repeated NamedAny vendor_extension = 13; }
message ParametersItem { Parameter parameter = 1; }
message Parameter { BodyParameter body_parameter = 1; NonBodyParameter non_body_parameter = 2; }
message BodyParameter { string name = 2; string in = 3; bool required = 4; Schema schema = 5; }
message NonBodyParameter { QueryParameter query_parameter_sub_schema = 3; PathParameter path_parameter_sub_schema = 4; }
message QueryParameter { string in = 2; string name = 4; string type = 6; }
message PathParameter { bool required = 1; string in = 2; string name = 4; string type = 5; }
message Responses { repeated NamedResponse response_code = 1; }
message NamedResponse { string name = 1; ResponseValue value = 2; }
message ResponseValue { Response response = 1; }
message Response { string description = 1; SchemaItem schema = 2; }
message SchemaItem { Schema schema = 1; }
message Definitions { repeated NamedSchema additional_properties = 1; }
message Properties { repeated NamedSchema additional_properties = 1; }
message NamedSchema { string name = 1; Schema value = 2; }
message AdditionalPropertiesItem { oneof kind { Schema schema = 1; bool boolean = 2; } }
message TypeItem { repeated string value = 1; }
message ItemsItem { repeated Schema schema = 1; }
message Schema {
  string _ref = 1; string format = 2; string title = 3; string description = 4; Any default = 5; double multiple_of = 6;
  double maximum = 7; bool exclusive_maximum = 8; double minimum = 9; bool exclusive_minimum = 10; int64 max_length = 11;
  int64 min_length = 12; string pattern = 13; int64 max_items = 14; int64 min_items = 15; int64 max_properties = 17;
  int64 min_properties = 18; repeated string required = 19; repeated Any enum = 20;
  AdditionalPropertiesItem additional_properties = 21; TypeItem type = 22; ItemsItem items = 23; Properties properties = 25;
  repeated NamedAny vendor_extension = 31;
}`;

type Objects = Record<string, JsonObject>;

function documentMessage(document: JsonObject): JsonObject {
  return {
    swagger: document['swagger'],
    info: document['info'],
    paths: { path: entries(document['paths'] as Objects, pathMessage) },
    definitions: { additional_properties: entries(document['definitions'] as Objects, schemaMessage) },
  };
}

const entries = (objects: Objects, convert: (object: JsonObject) => JsonObject) =>
  Object.entries(objects).map(([name, value]) => ({ name, value: convert(value) }));

function pathMessage(path: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(path).map(([method, operation]) => [method, operationMessage(operation as JsonObject)]),
  );
}

function operationMessage(operation: JsonObject): JsonObject {
  return {
    operation_id: operation['operationId'],
    parameters: (operation['parameters'] as JsonObject[]).map((parameter) => ({
      parameter: parameterMessage(parameter),
    })),
    responses: {
      response_code: entries(operation['responses'] as Objects, ({ description, schema }) => ({
        response: {
          description,
          ...(schema === undefined ? {} : { schema: { schema: schemaMessage(schema as JsonObject) } }),
        },
      })),
    },
    vendor_extension: extensions(operation),
  };
}

function parameterMessage(parameter: JsonObject): JsonObject {
  if (parameter['in'] === 'body')
    return { body_parameter: { ...parameter, schema: schemaMessage(parameter['schema'] as JsonObject) } };
  const place = parameter['in'] === 'query' ? 'query_parameter_sub_schema' : 'path_parameter_sub_schema';
  return { non_body_parameter: { [place]: parameter } };
}

const sameName = ['format', 'title', 'description', 'maximum', 'minimum', 'pattern', 'required'];
const renamed: readonly [string, string][] = [
  ['$ref', '_ref'],
  ['multipleOf', 'multiple_of'],
  ['exclusiveMaximum', 'exclusive_maximum'],
  ['exclusiveMinimum', 'exclusive_minimum'],
  ['maxLength', 'max_length'],
  ['minLength', 'min_length'],
  ['maxItems', 'max_items'],
  ['minItems', 'min_items'],
  ['maxProperties', 'max_properties'],
  ['minProperties', 'min_properties'],
];

function schemaMessage(schema: JsonObject): JsonObject {
  const message: JsonObject = {};
  for (const key of sameName) if (schema[key] !== undefined) message[key] = schema[key];
  for (const [from, to] of renamed) if (schema[from] !== undefined) message[to] = schema[from];
  if (schema['default'] !== undefined) message['default'] = any(schema['default']);
  if (schema['enum'] !== undefined) message['enum'] = (schema['enum'] as unknown[]).map(any);
  if (schema['type'] !== undefined) message['type'] = { value: [schema['type']] };
  if (schema['items'] !== undefined) message['items'] = { schema: [schemaMessage(schema['items'] as JsonObject)] };
  if (schema['properties'] !== undefined)
    message['properties'] = { additional_properties: entries(schema['properties'] as Objects, schemaMessage) };
  const additional = schema['additionalProperties'];
  if (typeof additional === 'object')
    message['additional_properties'] = { schema: schemaMessage(additional as JsonObject) };
  else if (typeof additional === 'boolean') message['additional_properties'] = { boolean: additional };
  message['vendor_extension'] = extensions(schema);
  return message;
}

const any = (value: unknown): JsonObject => ({ yaml: JSON.stringify(value) });

const extensions = (object: JsonObject): JsonObject[] =>
  Object.entries(object)
    .filter(([key, value]) => key.startsWith('x-') && value !== undefined)
    .map(([name, value]) => ({ name, value: any(value) }));
