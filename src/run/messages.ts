/** What passes between the process that reports and those that scan; plain data, as JSON has it. */
import type { PackedError } from '../errors.js';
import type { FailOn, ReportItem } from '../report/schema.js';

/** Which change of a file of weights is noticed: of any byte, or of size, times and inode. */
export const CACHE_TRUSTS = ['content', 'stat'] as const;
export type CacheTrust = (typeof CACHE_TRUSTS)[number];

/** What is the same for every item of a run. */
export interface RunSettings {
  /** Folder of signatures. */
  readonly library: string;
  /** Folder of known bases beside those of the signatures. */
  readonly bases?: string | undefined;
  readonly traits?: readonly string[] | undefined;
  readonly assumeBase?: string | undefined;
  readonly base?: string | undefined;
  readonly baseReading?: string | undefined;
  readonly hash?: boolean | undefined;
  /** A registry of contaminated models that every item is held against. */
  readonly registry?: string | undefined;
  /** Threads of the engine in each process; as many as suit the machine unless given. */
  readonly threads?: number | undefined;
  readonly failOn: FailOn;
  /** Of the program. */
  readonly version: string;
  /** Null when nothing is kept. */
  readonly cache: { readonly folder: string; readonly trust: CacheTrust } | null;
  /** Whether stack traces are wanted. */
  readonly debug: boolean;
}

/** What a scanning process is told: the settings first, then one path after the other. */
export type Order = { readonly settings: RunSettings } | { readonly path: string };

/** What it says: that the settings are good or not, then for each path any number of steps and the item. */
export type News =
  | { readonly ready: true }
  | { readonly fatal: PackedError }
  | { readonly done: number; readonly total: number }
  | Finished;

/** One item, whatever came of it. */
export interface Finished {
  readonly item: ReportItem;
  /** Stack traces of its errors, when they are wanted. */
  readonly stacks: readonly string[];
  /** What is to be said on stderr and belongs in no report. */
  readonly notes: readonly string[];
  /** Resident bytes of the process that scanned it, afterwards; 0 where none did. */
  readonly rss: number;
}
