/** Exit codes of the program, everywhere (worst first over several items: 1, 2, 3, 0). */
export const EXIT = { clean: 0, gate: 1, unreadable: 2, incomplete: 3 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** 128 + the number of the signal that ended a run, as shells have it. */
export const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143 } as const;

/** What the program may end with. */
export type RunExitCode = ExitCode | (typeof SIGNAL_EXIT)[keyof typeof SIGNAL_EXIT];

/** One code for each kind of failure, and the exit code that it leads to. */
export const ERROR_CODES = {
  // what is at the path
  'not-found': EXIT.unreadable,
  'not-a-file': EXIT.unreadable,
  'unreadable-file': EXIT.unreadable,
  'not-a-model': EXIT.unreadable,
  'several-models': EXIT.unreadable,
  'unsupported-checkpoint': EXIT.incomplete,
  // files that are not safetensors, by what they are
  'git-lfs-pointer': EXIT.unreadable,
  'pickle': EXIT.unreadable,
  'zip': EXIT.unreadable,
  'gguf': EXIT.unreadable,
  'html': EXIT.unreadable,
  'archive': EXIT.unreadable,
  'hdf5': EXIT.unreadable,
  'numpy': EXIT.unreadable,
  'text': EXIT.unreadable,
  'empty-file': EXIT.unreadable,
  // safetensors
  'header-truncated': EXIT.unreadable,
  'header-too-large': EXIT.unreadable,
  'header-not-json': EXIT.unreadable,
  'header-not-utf8': EXIT.unreadable,
  'header-start': EXIT.unreadable,
  'duplicate-key': EXIT.unreadable,
  'bad-metadata': EXIT.unreadable,
  'bad-entry': EXIT.unreadable,
  'unknown-dtype': EXIT.unreadable,
  'bad-shape': EXIT.unreadable,
  'bad-offsets': EXIT.unreadable,
  'size-mismatch': EXIT.unreadable,
  'overlap': EXIT.unreadable,
  'hole': EXIT.unreadable,
  'file-truncated': EXIT.unreadable,
  'trailing-bytes': EXIT.unreadable,
  'unsafe-name': EXIT.unreadable,
  // adapters
  'config-missing': EXIT.unreadable,
  'config-invalid': EXIT.unreadable,
  'weights-missing': EXIT.unreadable,
  'not-lora': EXIT.incomplete,
  'base-mismatch': EXIT.unreadable,
  'base-ambiguous': EXIT.incomplete,
  // signatures
  'signature-invalid': EXIT.unreadable,
  'signature-hash': EXIT.unreadable,
  'unknown-trait': EXIT.unreadable,
  'unknown-base': EXIT.unreadable,
  'no-signature': EXIT.incomplete,
  // readings
  'reading-invalid': EXIT.unreadable,
  'reading-outdated': EXIT.incomplete,
  'reading-part': EXIT.incomplete,
  'part-none': EXIT.unreadable,
  'part-mismatch': EXIT.unreadable,
  'part-twice': EXIT.unreadable,
  'part-missing': EXIT.unreadable,
  // saved reports, and what they are held against
  'report-invalid': EXIT.unreadable,
  'policy-invalid': EXIT.unreadable,
  'suppressions-invalid': EXIT.unreadable,
  'registry-invalid': EXIT.unreadable,
  // certificates
  'certificate-invalid': EXIT.unreadable,
  'declared-invalid': EXIT.unreadable,
  'key-invalid': EXIT.unreadable,
  'base-contradicted': EXIT.gate,
  // labelled sets
  'manifest-invalid': EXIT.unreadable,
  'scores-invalid': EXIT.unreadable,
  // engine
  'provider-unavailable': EXIT.unreadable,
  'engine-failed': EXIT.incomplete,
  // what the program did not foresee
  'internal': EXIT.unreadable,
  // command line
  'usage': EXIT.unreadable,
  'write-failed': EXIT.unreadable,
} as const satisfies Record<string, ExitCode>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorDetail {
  readonly file?: string;
  readonly tensor?: string;
  /** What the reader of the message can do about it. */
  readonly mend?: string;
  /** Lines that show where, below the message: the text itself and a caret under the place. Escaped already. */
  readonly excerpt?: readonly string[];
  readonly cause?: unknown;
}

/** Every failure that the program foresees. Its message is one line without file, tensor and mend, which stand beside it. */
export class WeightseqError extends Error {
  override readonly name = 'WeightseqError';
  readonly code: ErrorCode;
  readonly exitCode: ExitCode;
  readonly file: string | undefined;
  readonly tensor: string | undefined;
  readonly mend: string | undefined;
  readonly excerpt: readonly string[];

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.exitCode = ERROR_CODES[code];
    this.file = detail.file;
    this.tensor = detail.tensor;
    this.mend = detail.mend;
    this.excerpt = detail.excerpt ?? [];
  }
}

/** Whatever was thrown, as an error that can stand in a report: what was not foreseen is `internal`. */
export function asWeightseqError(thrown: unknown): WeightseqError {
  if (thrown instanceof WeightseqError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new WeightseqError('internal', `internal error: ${message}`, { mend: 'This is a bug: run again with --debug and report it.', cause: thrown });
}

/** An error as plain data, which passes between processes. */
export type PackedError = { readonly code: ErrorCode; readonly message: string } & Pick<ErrorDetail, 'file' | 'tensor' | 'mend'>;

/** The error as plain data; its cause and stack stay behind. */
export function packError({ code, message, file, tensor, mend }: WeightseqError): PackedError {
  return { code, message, ...(file === undefined ? {} : { file }), ...(tensor === undefined ? {} : { tensor }), ...(mend === undefined ? {} : { mend }) };
}

/** The error again. */
export function unpackError({ code, message, file, tensor, mend }: PackedError): WeightseqError {
  return new WeightseqError(code, message, {
    ...(file === undefined ? {} : { file }), ...(tensor === undefined ? {} : { tensor }), ...(mend === undefined ? {} : { mend }),
  });
}
