import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../src/errors.js';
import { DTYPES, dtypeBytes } from '../../src/safetensors/dtype.js';
import { headerLength, MAX_HEADER_BYTES, parseHeader } from '../../src/safetensors/header.js';
import { entry, fileBytes, thrown } from '../helpers/safetensors.js';

const U8 = (begin: number, end: number) => entry('U8', [end - begin], [begin, end]);
const text = (dtype: string, shape: string, offsets: string) => `{"a":{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}}`;

/** Header, bytes of data after it, code expected, what the message says, tensor concerned. */
const MALFORMED: Record<string, [header: unknown, data: number, code: ErrorCode, message: RegExp, tensor?: string]> = {
  'an empty header': ['', 0, 'header-start', /expected .* start with "\{", found an empty header/],
  'a blank before the brace': [' {}', 0, 'header-start', /found byte 0x20/],
  'a byte order mark': ['\ufeff{}', 0, 'header-start', /found byte 0xef/],
  'an array for the header': ['[]', 0, 'header-start', /found byte 0x5b/],
  'a byte that is not UTF-8': [Buffer.from('7b22ff223a7b7d7d', 'hex'), 0, 'header-not-utf8', /not/],
  'an overlong encoding': [Buffer.from('7b22c0af223a7b7d7d', 'hex'), 0, 'header-not-utf8', /not/],
  'a surrogate encoded as UTF-8': [Buffer.from('7b22eda080223a7b7d7d', 'hex'), 0, 'header-not-utf8', /not/],
  'no end': ['{', 0, 'header-not-json', /CloseBraceExpected at character 1/],
  'an unclosed string': ['{"a', 0, 'header-not-json', /UnexpectedEndOfString/],
  'a line comment': ['{}//', 0, 'header-not-json', /InvalidCommentToken/],
  'a block comment': ['{/**/}', 0, 'header-not-json', /InvalidCommentToken/],
  'a trailing comma': [`${JSON.stringify({ a: U8(0, 1) }).slice(0, -1)},}`, 1, 'header-not-json', /PropertyNameExpected/],
  'a trailing comma in a list': [text('"U8"', '[1,]', '[0,1]'), 1, 'header-not-json', /ValueExpected/],
  'a second value': ['{}{}', 0, 'header-not-json', /EndOfFileExpected/],
  'NUL padding': ['{}\0\0', 0, 'header-not-json', /InvalidSymbol/],
  'a no-break space': ['{\u00a0}', 0, 'header-not-json', /InvalidSymbol/],
  'NaN for a number': [text('"U8"', '[NaN]', '[0,1]'), 1, 'header-not-json', /InvalidSymbol/],
  'a leading zero': [text('"U8"', '[01]', '[0,1]'), 1, 'header-not-json', /CommaExpected/],
  'a raw control character in a string': ['{"a\tb":1}', 0, 'header-not-json', /InvalidCharacter/],
  'single quotes': ['{\'a\':1}', 0, 'header-not-json', /InvalidSymbol/],
  'lists too deep': [text('"U8"', '[[1]]', '[0,1]'), 1, 'bad-entry', /at most 3 deep/],
  'lists a million deep': [`{"a":${'['.repeat(1_000_000)}`, 0, 'bad-entry', /at most 3 deep/],
  'a million blanks and more': [`{${' '.repeat(1_000_001)}}`, 0, 'header-too-large', /at most 1000000 blanks/],
  'four million values and more': [`{"a":[${'1,'.repeat(4_000_001)}1]}`, 0, 'header-too-large', /at most 4000000 values/],
  'eight million escapes and more': [`{"${'\\n'.repeat(8_000_001)}":1}`, 0, 'header-too-large', /at most 8000000 escaped/],
  'a tensor twice': ['{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}', 1, 'duplicate-key', /found "a" twice/, 'a'],
  'a tensor twice, once with an escape': ['{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"\\u0061":1}', 1, 'duplicate-key', /found "a" twice/, 'a'],
  'a field twice': ['{"a":{"dtype":"U8","dtype":"I8","shape":[],"data_offsets":[0,1]}}', 1, 'duplicate-key', /found "dtype" twice/, 'a'],
  '__proto__ twice': ['{"__proto__":1,"__proto__":2}', 1, 'duplicate-key', /found "__proto__" twice/, '__proto__'],
  'metadata twice': ['{"__metadata__":{},"__metadata__":{}}', 0, 'duplicate-key', /found "__metadata__" twice/],
  'a key of the metadata twice': ['{"__metadata__":{"k":"1","k":"2"}}', 0, 'duplicate-key', /found "k" twice/],
  'a number in the metadata': [{ __metadata__: { k: 1 } }, 0, 'bad-metadata', /found 1 under "k"/],
  'an object in the metadata': [{ __metadata__: { k: {} } }, 0, 'bad-metadata', /found an object under "k"/],
  'null for metadata': [{ __metadata__: null }, 0, 'bad-metadata', /found null/],
  'a list for metadata': [{ __metadata__: [] }, 0, 'bad-metadata', /found a list/],
  'half a surrogate pair in the metadata': ['{"__metadata__":{"k":"\\ud800"}}', 0, 'bad-metadata', /half a surrogate pair under "k"/],
  'a number for an entry': [{ a: 1 }, 0, 'bad-entry', /found 1$/, 'a'],
  'a list for an entry': [{ a: [1] }, 0, 'bad-entry', /found a list/, 'a'],
  'no dtype': [{ a: { shape: [1], data_offsets: [0, 1] } }, 1, 'bad-entry', /field dtype, found none/, 'a'],
  'no shape': [{ a: { dtype: 'U8', data_offsets: [0, 1] } }, 1, 'bad-entry', /field shape, found none/, 'a'],
  'no data_offsets': [{ a: { dtype: 'U8', shape: [1] } }, 1, 'bad-entry', /field data_offsets, found none/, 'a'],
  'a field too many': [{ a: { ...U8(0, 1), stride: [1] } }, 1, 'bad-entry', /only dtype, shape and data_offsets, found "stride"/, 'a'],
  'a number for the dtype': [{ a: entry(8, [1], [0, 1]) }, 1, 'bad-entry', /dtype to be text, found 8/, 'a'],
  'a dtype of no format': [{ a: entry('F31', [1], [0, 4]) }, 4, 'unknown-dtype', /dtype of the safetensors format, found "F31"/, 'a'],
  'a dtype in small letters': [{ a: entry('f32', [1], [0, 4]) }, 4, 'unknown-dtype', /found "f32"/, 'a'],
  'a dtype named like a method': [{ a: entry('constructor', [1], [0, 1]) }, 1, 'unknown-dtype', /found "constructor"/, 'a'],
  'null for the shape': [{ a: entry('U8', null, [0, 1]) }, 1, 'bad-shape', /found null/, 'a'],
  'a number for the shape': [{ a: entry('U8', 1, [0, 1]) }, 1, 'bad-shape', /found 1$/, 'a'],
  'a negative dimension': [{ a: entry('U8', [-1], [0, 1]) }, 1, 'bad-shape', /found -1 in it/, 'a'],
  'a fraction for a dimension': [{ a: entry('U8', [1.5], [0, 1]) }, 1, 'bad-shape', /found 1\.5 in it/, 'a'],
  'a dimension written as 1.0': [text('"U8"', '[1.0]', '[0,1]'), 1, 'bad-shape', /found 1\.0 in it/, 'a'],
  'a dimension written as 1e0': [text('"U8"', '[1e0]', '[0,1]'), 1, 'bad-shape', /found 1e0 in it/, 'a'],
  'a dimension written as -0': [text('"U8"', '[-0]', '[0,0]'), 0, 'bad-shape', /found -0 in it/, 'a'],
  'text for a dimension': [{ a: entry('U8', ['1'], [0, 1]) }, 1, 'bad-shape', /found "1" in it/, 'a'],
  'true for a dimension': [{ a: entry('U8', [true], [0, 1]) }, 1, 'bad-shape', /found true in it/, 'a'],
  'a dimension of 2^53': [text('"U8"', '[9007199254740992]', '[0,1]'), 1, 'bad-shape', /found 9007199254740992 in it, not below/, 'a'],
  'a dimension of 2^64 − 1': [text('"U8"', '[18446744073709551615]', '[0,1]'), 1, 'bad-shape', /found 18446744073709551615/, 'a'],
  'a product that overflows': [{ a: entry('U8', [2 ** 32, 2 ** 32], [0, 0]) }, 0, 'bad-shape', /below 2\^53, found \[4294967296, 4294967296\] of U8/, 'a'],
  'a size in bytes that overflows': [{ a: entry('F64', [2 ** 51], [0, 0]) }, 0, 'bad-shape', /below 2\^53/, 'a'],
  'a product that overflows before a 0': [{ a: entry('U8', [2 ** 32, 2 ** 32, 0], [0, 0]) }, 0, 'bad-shape', /below 2\^53/, 'a'],
  '65 dimensions': [{ a: entry('U8', Array<number>(65).fill(1), [0, 1]) }, 1, 'bad-shape', /at most 64 dimensions, found 65/, 'a'],
  'one offset': [{ a: entry('U8', [1], [0]) }, 1, 'bad-offsets', /two data_offsets, found 1/, 'a'],
  'three offsets': [{ a: entry('U8', [1], [0, 1, 1]) }, 1, 'bad-offsets', /two data_offsets, found 3/, 'a'],
  'text for the offsets': [{ a: entry('U8', [1], '01') }, 1, 'bad-offsets', /found "01"/, 'a'],
  'a negative offset': [{ a: entry('U8', [1], [-1, 0]) }, 1, 'bad-offsets', /found -1 in it/, 'a'],
  'offsets in the wrong order': [{ a: entry('U8', [1], [1, 0]) }, 1, 'bad-offsets', /begin before end, found \[1, 0\]/, 'a'],
  'offsets that overflow': [{ a: entry('U8', [0], [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]) }, 0, 'bad-offsets', /below 2\^53/, 'a'],
  'an offset of 2^63': [text('"U8"', '[1]', '[0,9223372036854775808]'), 1, 'bad-offsets', /found 9223372036854775808/, 'a'],
  'fewer bytes than the shape wants': [{ a: entry('F32', [2, 3], [0, 23]) }, 23, 'size-mismatch', /expected 24 bytes for shape \[2, 3\] of F32, found 23/, 'a'],
  'more bytes than the shape wants': [{ a: entry('F32', [], [0, 8]) }, 8, 'size-mismatch', /expected 4 bytes for shape \[\] of F32, found 8/, 'a'],
  'two tensors over the same bytes': [{ a: U8(0, 4), b: U8(0, 4) }, 4, 'overlap', /begin at 4, after "a", found 0/, 'b'],
  'two tensors that share a byte': [{ a: U8(0, 4), b: U8(3, 6) }, 6, 'overlap', /begin at 4, after "a", found 3/, 'b'],
  'an empty tensor within another': [{ a: U8(0, 4), b: U8(2, 2) }, 4, 'overlap', /begin at 4, after "a", found 2/, 'b'],
  'a hole before the first tensor': [{ a: U8(1, 2) }, 2, 'hole', /begin at 0, found 1/, 'a'],
  'a hole between tensors': [{ b: U8(3, 4), a: U8(0, 2) }, 4, 'hole', /begin at 2, after "a", found 3/, 'b'],
  'an empty tensor beyond the data': [{ a: U8(0, 2), b: U8(9, 9) }, 2, 'hole', /begin at 2, after "a", found 9/, 'b'],
  'data that are cut off': [{ a: U8(0, 4) }, 3, 'file-truncated', /expected a file of \d+ bytes, found \d+: 1 are missing/],
  'no data at all': [{ a: U8(0, 4) }, 0, 'file-truncated', /4 are missing/],
  'a byte after the data': [{ a: U8(0, 4) }, 5, 'trailing-bytes', /1 after the last tensor/],
  'data without tensors': [{}, 1, 'trailing-bytes', /1 after the last tensor/],
  'an empty name': [{ '': U8(0, 1) }, 1, 'unsafe-name', /found an empty name/, ''],
  'a name with NUL': [{ 'a\0b': U8(0, 1) }, 1, 'unsafe-name', /found "a\\u\{0\}b"/, 'a\\u{0}b'],
  'a name with an escape sequence': [{ '\x1b[2J': U8(0, 1) }, 1, 'unsafe-name', /found "\\u\{1b\}\[2J"/, '\\u{1b}[2J'],
  'a name with a bidi override': [{ 'a\u202eb': U8(0, 1) }, 1, 'unsafe-name', /found "a\\u\{202e\}b"/, 'a\\u{202e}b'],
  'a name with a zero-width space': [{ 'a\u200bb': U8(0, 1) }, 1, 'unsafe-name', /\\u\{200b\}/, 'a\\u{200b}b'],
  'a name with half a surrogate pair': ['{"\\udc00":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}', 1, 'unsafe-name', /found "\\u\{dc00\}"/, '\\u{dc00}'],
  'a name of 1,025 characters': [{ ['n'.repeat(1025)]: U8(0, 1) }, 1, 'unsafe-name', /of 1 to 1024 printable characters, found one of 1025/, 'n'.repeat(120)],
};

describe('a malformed header', () => {
  for (const [what, [header, data, code, message, tensor]] of Object.entries(MALFORMED)) {
    test(`${what}: ${code}`, () => {
      const bytes = fileBytes(header, data);
      const length = headerLength(bytes.subarray(0, 8), bytes.length, 'f');
      const error = thrown(() => parseHeader(bytes.subarray(8, 8 + length), bytes.length, 'f'));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.equal(error.file, 'f');
      if (tensor !== undefined) assert.equal(error.tensor, tensor);
    });
  }

  for (const dtype of ['F4', 'F6_E2M3', 'F6_E3M2', 'F8_E8M0', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ', 'C64']) {
    test(`dtype ${dtype} of the format, which is not read: unknown-dtype`, () => {
      const bytes = Buffer.from(JSON.stringify({ a: entry(dtype, [8], [0, 8]) }));
      const error = thrown(() => parseHeader(bytes, bytes.length + 16, 'f'));
      assert.equal(error.code, 'unknown-dtype');
      assert.equal(error.message, `the dtype ${dtype} is not read by this version of weightseq`);
      assert.equal(error.tensor, 'a');
    });
  }

  test('header of more than 100,000,000 bytes: header-too-large', () => {
    assert.equal(thrown(() => parseHeader(new Uint8Array(MAX_HEADER_BYTES + 1), 2 ** 40, 'f')).code, 'header-too-large');
  });
});

describe('the length prefix', () => {
  const prefix = (length: bigint) => { const bytes = Buffer.alloc(8); bytes.writeBigUInt64LE(length); return bytes; };

  test('gives the length of the header', () => {
    assert.equal(headerLength(prefix(0n), 8, 'f'), 0);
    assert.equal(headerLength(prefix(500n), 508, 'f'), 500);
    assert.equal(headerLength(prefix(100_000_000n), 2 ** 40, 'f'), 100_000_000);
  });
  test('is read from where its bytes lie in a larger buffer', () => {
    assert.equal(headerLength(Buffer.concat([Buffer.alloc(3, 255), prefix(9n)]).subarray(3), 100, 'f'), 9);
  });
  test('of fewer than 8 bytes: header-truncated', () => {
    const error = thrown(() => headerLength(new Uint8Array(7), 7, 'f'));
    assert.equal(error.code, 'header-truncated');
    assert.match(error.message, /expected 8 bytes of header length, found 7/);
  });
  test('that points beyond the file: header-truncated', () => {
    const error = thrown(() => headerLength(prefix(500n), 507, 'f'));
    assert.equal(error.code, 'header-truncated');
    assert.match(error.message, /expected at least 508 bytes for the header, found 507/);
    assert.match(error.mend ?? '', /Download/);
  });
  for (const length of [100_000_001n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
    test(`of ${length.toString()}: header-too-large`, () => {
      const error = thrown(() => headerLength(prefix(length), Number.MAX_SAFE_INTEGER, 'f'));
      assert.equal(error.code, 'header-too-large');
      assert.ok(error.message.endsWith(`found a length of ${length.toString()}`));
    });
  }
});

describe('a valid header', () => {
  const parse = (header: unknown, data: number) => {
    const bytes = fileBytes(header, data);
    return parseHeader(bytes.subarray(8, bytes.length - data), bytes.length, '/real/path');
  };

  test('each dtype, with its size', () => {
    assert.equal(DTYPES.length, 15);
    for (const dtype of DTYPES) {
      const bytes = 6 * dtypeBytes(dtype);
      const file = parse({ a: entry(dtype, [2, 3], [0, bytes]) }, bytes);
      const header = JSON.stringify({ a: entry(dtype, [2, 3], [0, bytes]) });
      assert.deepEqual([...file.tensors.values()], [{ name: 'a', dtype, shape: [2, 3], file: '/real/path', offset: 8 + header.length, bytes }]);
      assert.equal(file.bytes, 8 + header.length + bytes);
      assert.equal(file.file, '/real/path');
    }
  });
  test('no tensors, padded', () => {
    assert.equal(parse('{}      ', 0).tensors.size, 0);
    assert.equal(parse('{} \t\r\n', 0).metadata.size, 0);
    assert.equal(parse('{"__metadata__":{}}', 0).metadata.size, 0);
  });
  test('blanks within', () => {
    assert.equal(parse('{ "a" :\n{"shape":[ 1 , 1 ],\r\t"data_offsets":[0,1],"dtype":"U8"} }', 1).tensors.size, 1);
  });
  test('brackets, quotes and escapes within names count for nothing', () => {
    const name = '[[[[{{{{"\\\\"';
    assert.deepEqual([...parse({ [name]: U8(0, 1) }, 1).tensors.keys()], [name]);
  });
  test('tensors come in the order of their data, empty ones first', () => {
    const file = parse({ d: U8(4, 5), b: U8(0, 4), c: U8(4, 4), a: U8(0, 0) }, 5);
    assert.deepEqual([...file.tensors.keys()], ['a', 'b', 'c', 'd']);
  });
  test('empty tensors and scalars', () => {
    const file = parse({ a: entry('F32', [3, 0, 4], [0, 0]), b: entry('F64', [], [0, 8]), c: entry('U8', [0], [8, 8]) }, 8);
    assert.deepEqual([...file.tensors.values()].map(({ name, bytes }) => [name, bytes]), [['a', 0], ['b', 8], ['c', 0]]);
  });
  test('names of built-in properties are names like others', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', '0', '-1'];
    const header = `{"__metadata__":{"__proto__":"x"},${names.map((name, i) => `"${name}":{"dtype":"U8","shape":[],"data_offsets":[${i},${i + 1}]}`).join(',')}}`;
    const file = parse(header, names.length);
    assert.deepEqual([...file.tensors.keys()], names);
    assert.deepEqual([...file.metadata], [['__proto__', 'x']]);
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
  });
  test('a name of 1,024 characters, names of any script', () => {
    assert.equal(parse({ ['n'.repeat(1024)]: U8(0, 1) }, 1).tensors.size, 1);
    assert.equal(parse({ 'é層😀 ß': U8(0, 1) }, 1).tensors.size, 1);
  });
  test('64 dimensions', () => {
    assert.equal(parse({ a: entry('U8', Array<number>(64).fill(1), [0, 1]) }, 1).tensors.size, 1);
  });
  test('metadata keep every character', () => {
    const metadata = { format: 'pt', 'a\nb': '\0\u202e"\\😀' };
    assert.deepEqual(Object.fromEntries(parse({ __metadata__: metadata }, 0).metadata), metadata);
  });
  test('a tensor of 8 TiB, whose data are not looked at', () => {
    const header = Buffer.from(JSON.stringify({ a: entry('F32', [2 ** 21, 2 ** 20], [0, 2 ** 43]) }));
    assert.equal(parseHeader(header, 8 + header.length + 2 ** 43, 'f').tensors.get('a')?.bytes, 2 ** 43);
  });
});
