/**
 * The part of ONNX that the engine writes. In: a model as plain values. Out: its protobuf bytes.
 * Message and field numbers are those of the public onnx/onnx.proto (IR version 9, operator set 19: the first with float8).
 */
import protobuf from 'protobufjs/light.js';

/** TensorProto.DataType. */
export const ELEMENT = {
  float: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, bool: 9, float16: 10, double: 11, uint32: 12, uint64: 13,
  bfloat16: 16, float8e4m3fn: 17, float8e5m2: 19,
} as const;

export type ElementType = (typeof ELEMENT)[keyof typeof ELEMENT];

/** AttributeProto; the engine's operators take integers, and Scan its body. */
export type Attribute =
  | { readonly name: string; readonly i: number; readonly type: typeof ATTRIBUTE_INT }
  | { readonly name: string; readonly g: Body; readonly type: typeof ATTRIBUTE_GRAPH };

/** GraphProto of a body: it sees the values of the graph around it. */
export interface Body {
  readonly inputs: readonly Output[];
  readonly nodes: readonly Node[];
  readonly outputs: readonly Output[];
}

/** NodeProto. */
export interface Node {
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly Attribute[];
}

/** TensorProto: a constant with `rawData`, or with `externalData` and `dataLocation` a range of a file. */
export interface Initializer {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: ElementType;
  readonly rawData?: Uint8Array;
  readonly externalData?: readonly { readonly key: 'location' | 'offset' | 'length'; readonly value: string }[];
  readonly dataLocation?: typeof LOCATION_EXTERNAL;
}

/** ValueInfoProto of an output, or of a body's input. */
export interface Output {
  readonly name: string;
  readonly elemType: ElementType;
  readonly dims: readonly number[];
}

export interface Model {
  readonly nodes: readonly Node[];
  readonly initializers: readonly Initializer[];
  readonly outputs: readonly Output[];
}

/** AttributeProto.AttributeType.INT. */
export const ATTRIBUTE_INT = 2;
/** AttributeProto.AttributeType.GRAPH. */
export const ATTRIBUTE_GRAPH = 5;
/** TensorProto.DataLocation.EXTERNAL. */
export const LOCATION_EXTERNAL = 1;

const IR_VERSION = 9;
const OPSET_VERSION = 19;

const many = (type: string, id: number): protobuf.IField => ({ rule: 'repeated', type, id });

const root = protobuf.Root.fromJSON({
  nested: {
    ModelProto: { fields: { irVersion: { type: 'int64', id: 1 }, graph: { type: 'GraphProto', id: 7 }, opsetImport: many('OperatorSetIdProto', 8) } },
    OperatorSetIdProto: { fields: { domain: { type: 'string', id: 1 }, version: { type: 'int64', id: 2 } } },
    GraphProto: { fields: { node: many('NodeProto', 1), name: { type: 'string', id: 2 }, initializer: many('TensorProto', 5), input: many('ValueInfoProto', 11), output: many('ValueInfoProto', 12) } },
    NodeProto: { fields: { input: many('string', 1), output: many('string', 2), opType: { type: 'string', id: 4 }, attribute: many('AttributeProto', 5) } },
    AttributeProto: { fields: { name: { type: 'string', id: 1 }, i: { type: 'int64', id: 3 }, g: { type: 'GraphProto', id: 6 }, type: { type: 'int32', id: 20 } } },
    TensorProto: {
      fields: {
        dims: many('int64', 1), dataType: { type: 'int32', id: 2 }, name: { type: 'string', id: 8 }, rawData: { type: 'bytes', id: 9 },
        externalData: many('StringStringEntryProto', 13), dataLocation: { type: 'int32', id: 14 },
      },
    },
    StringStringEntryProto: { fields: { key: { type: 'string', id: 1 }, value: { type: 'string', id: 2 } } },
    ValueInfoProto: { fields: { name: { type: 'string', id: 1 }, type: { type: 'TypeProto', id: 2 } } },
    TypeProto: { fields: { tensorType: { type: 'TypeProtoTensor', id: 1 } } },
    TypeProtoTensor: { fields: { elemType: { type: 'int32', id: 1 }, shape: { type: 'TensorShapeProto', id: 2 } } },
    TensorShapeProto: { fields: { dim: many('Dimension', 1) } },
    Dimension: { fields: { dimValue: { type: 'int64', id: 1 } } },
  },
});
const ModelProto = root.lookupType('ModelProto');

/** The bytes of the model, as a session takes them. */
export function encodeModel({ nodes, initializers, outputs }: Model): Uint8Array {
  return ModelProto.encode({
    irVersion: IR_VERSION,
    opsetImport: [{ domain: '', version: OPSET_VERSION }],
    graph: { name: 'weightseq', node: nodes.map(nodeProto), initializer: initializers, output: outputs.map(valueInfo) },
  }).finish();
}

function valueInfo({ name, elemType, dims }: Output): object {
  return { name, type: { tensorType: { elemType, shape: { dim: dims.map((dimValue) => ({ dimValue })) } } } };
}

function nodeProto(node: Node): object {
  const attribute = node.attribute.map((value) => {
    if (value.type === ATTRIBUTE_INT) return value;
    const { inputs, nodes, outputs } = value.g;
    return { ...value, g: { name: 'body', input: inputs.map(valueInfo), node: nodes.map(nodeProto), output: outputs.map(valueInfo) } };
  });
  return { ...node, attribute };
}
