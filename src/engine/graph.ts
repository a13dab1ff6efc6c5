/**
 * A graph under construction. In: ranges of files and operators, one after the other. Out: a model whose weights are the
 * files themselves (`external_data`: the runtime maps them, and their bytes never pass through JavaScript).
 */
import type { TensorInfo } from '../types.js';
import { elementOf, storedElement, type Element } from './dtype.js';
import { commonFolder } from './folder.js';
import { ATTRIBUTE_GRAPH, ATTRIBUTE_INT, ELEMENT, LOCATION_EXTERNAL, encodeModel, type Attribute, type ElementType, type Initializer, type Node, type Output } from './onnx.js';

/** Name of a value in the graph. */
export type Value = string;

/** Some consecutive rows of a tensor seen as a matrix. */
export interface Rows {
  readonly first: number;
  readonly count: number;
  readonly columns: number;
  /** Seen as so many blocks of equal height: tiles × rows × columns. */
  readonly tiles?: number;
}

export interface Graph {
  /** Appends an operator with one output, and gives that. */
  readonly op: (opType: string, inputs: readonly Value[], attributes?: Readonly<Record<string, number>>) => Value;
  /** Rows of the matrix that the `elements` numbers of a tensor make, in its own element type. */
  readonly tensor: (tensor: TensorInfo, elements: number, rows: Rows) => Value;
  /** The same for any element type, integers too; the caller has checked that the rows lie in the tensor. */
  readonly stored: (tensor: TensorInfo, rows: Rows) => Value;
  /**
   * The operators that `body` appends run once for each tile of some tensors of three dimensions: ONNX's Scan, without state.
   * They cost a session nothing more for another tile. The results of all tiles come back one after the other.
   * @param inputs `stored` values with tiles, of `tiles` × rows × columns
   * @returns the outputs of `body`, each with the tiles as a first dimension
   */
  readonly forEachTile: (inputs: readonly Value[], body: (tile: readonly Value[]) => readonly Output[]) => Value[];
  readonly ints: (values: readonly number[]) => Value;
  readonly doubles: (values: Float64Array, dims: readonly number[]) => Value;
  readonly bytes: (values: Int8Array, dims: readonly number[]) => Value;
  /** Asks for a value; it comes back flat, in row-major order. */
  readonly output: (value: Value, elemType: ElementType, dims: readonly number[]) => Value;
  readonly finish: () => Built;
}

/** A model, and what its session must know. */
export interface Built {
  readonly model: Uint8Array;
  /** The folder that the locations in the model start from. */
  readonly folder: string;
  /** Which tensor each value is read from, for messages. */
  readonly sources: ReadonlyMap<Value, TensorInfo>;
  readonly outputs: readonly Value[];
}

/** An empty graph. */
export function newGraph(): Graph {
  let nodes: Node[] = [];
  const constants: Initializer[] = [];
  const ranges: { name: Value; tensor: TensorInfo; dataType: ElementType; dims: readonly number[]; offset: number; length: number }[] = [];
  const outputs: Output[] = [];
  let values = 0;
  const fresh = (): Value => `value:${values++}`;

  const constant = (dataType: ElementType, dims: readonly number[], data: BigInt64Array | Float64Array | Int8Array): Value => {
    const name = fresh();
    constants.push({ name, dims, dataType, rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) });
    return name;
  };

  const range = (tensor: TensorInfo, element: Element, { first, count, columns, tiles }: Rows): Value => {
    const name = fresh();
    const offset = tensor.offset + first * columns * element.bytes;
    const dims = tiles === undefined ? [count, columns] : [tiles, count / tiles, columns];
    ranges.push({ name, tensor, dataType: element.type, dims, offset, length: count * columns * element.bytes });
    return name;
  };

  return {
    op: (opType, inputs, attributes = {}) => {
      const name = fresh();
      const attribute = Object.entries(attributes).map(([key, i]) => ({ name: key, i, type: ATTRIBUTE_INT } as const));
      nodes.push({ opType, input: inputs, output: [name], attribute });
      return name;
    },
    tensor: (tensor, elements, rows) => range(tensor, elementOf(tensor, elements), rows),
    stored: (tensor, rows) => range(tensor, storedElement(tensor), rows),
    forEachTile: (inputs, body) => {
      const around = nodes;
      nodes = [];
      const tiles = inputs.map((input): Output => {
        const range = ranges.find(({ name }) => name === input);
        if (range === undefined) throw new TypeError(`${input} is no stored value`);
        return { name: fresh(), elemType: range.dataType, dims: range.dims.slice(1) };
      });
      const results = body(tiles.map(({ name }) => name));
      const output = results.map(fresh);
      const attribute: Attribute[] = [
        { name: 'num_scan_inputs', i: inputs.length, type: ATTRIBUTE_INT },
        { name: 'body', g: { inputs: tiles, nodes, outputs: results }, type: ATTRIBUTE_GRAPH },
      ];
      nodes = around;
      nodes.push({ opType: 'Scan', input: inputs, output, attribute });
      return output;
    },
    ints: (data) => constant(ELEMENT.int64, [data.length], BigInt64Array.from(data, BigInt)),
    doubles: (data, dims) => constant(ELEMENT.double, dims, data),
    bytes: (data, dims) => constant(ELEMENT.int8, dims, data),
    output: (value, elemType, dims) => {
      outputs.push({ name: value, elemType, dims });
      return value;
    },
    finish: () => {
      const { folder, locations } = commonFolder(ranges.map(({ tensor }) => tensor.file));
      const external = ranges.map(({ name, tensor, dataType, dims, offset, length }): Initializer => ({
        name, dims, dataType,
        dataLocation: LOCATION_EXTERNAL,
        externalData: [
          { key: 'location', value: locations.get(tensor.file) ?? '' },
          { key: 'offset', value: String(offset) },
          { key: 'length', value: String(length) },
        ],
      }));
      const model = encodeModel({ nodes, initializers: [...constants, ...external], outputs });
      return { model, folder, sources: new Map(ranges.map(({ name, tensor }) => [name, tensor])), outputs: outputs.map(({ name }) => name) };
    },
  };
}
