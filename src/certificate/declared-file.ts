/** The file of declarations. In: a path. Out: what its author says of a model, checked against its schema. */
import { basename } from 'node:path';
import { readYaml } from '../gate/yaml-file.js';
import { hashFile } from '../signature/library.js';
import { declaredSchema, type Declared } from './declared-schema.js';

/** Declarations, and which file they came from. */
export interface OpenedDeclared {
  readonly declared: Declared;
  readonly source: { readonly name: string; readonly sha256: string };
}

/**
 * The file of declarations, YAML or JSON.
 * @throws WeightseqError `declared-invalid`, at the line and column of what is wrong; `not-found`
 */
export async function openDeclared(file: string): Promise<OpenedDeclared> {
  const { value } = await readYaml(file, declaredSchema, 'declared-invalid');
  return { declared: value, source: { name: basename(file), sha256: await hashFile(file) } };
}
