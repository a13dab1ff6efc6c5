/** Code that the configuration asks for. Pure: the text of a configuration or a chat template in, what to say of it out. */
import { WeightseqError } from '../errors.js';
import { escapeText, quoteText } from '../text.js';
import type { Beside } from '../types.js';
import { isObject, parseConfigText, type Json } from './json.js';

type Said = Pick<Beside, 'what' | 'reason'>;

/** Files in which transformers, PEFT, diffusers and sentence-transformers look for classes or templates. */
const CONFIG_NAME = /(?:^|[/_])config\.json$|(?:^|\/)(?:chat_template|modules|model_index)\.json$/u;
const TEMPLATE_NAME = /\.(?:jinja2?|j2)$/iu;
/** References and names that a reason lists. */
const LISTED = 3;

export function isConfiguration(name: string): boolean {
  return CONFIG_NAME.test(name);
}

export function isTemplate(name: string): boolean {
  return TEMPLATE_NAME.test(name);
}

/**
 * What a configuration asks a loader to run.
 * @param name within the folder; modules.json has a rule of its own
 */
export function configurationCode(text: string, name: string): Said[] {
  let root: Json;
  try {
    // modules.json is a list.
    root = parseConfigText(/^\s*\[/u.test(text) ? `{"modules":${text}}` : text, name);
  } catch (error) {
    if (!(error instanceof WeightseqError)) throw error;
    return [{ what: 'unseen', reason: `${error.message}: whether it asks for code is not known` }];
  }
  const references = new Map<string, Set<string>>();
  const templates = new Map<string, Said>();
  for (const asked of asksFor(root, name.endsWith('modules.json'))) {
    if (typeof asked === 'string') templateCode(asked).forEach((said) => templates.set(said.reason, said));
    else references.set(asked.why, (references.get(asked.why) ?? new Set()).add(asked.reference));
  }
  return [...[...references].map(([why, named]): Said => ({ what: 'remote-code', reason: `${why}: ${some([...named])}` })), ...templates.values()];
}

/** Something to be run, and what makes a loader run it. */
interface Reference {
  readonly why: string;
  readonly reference: string;
}

/** Everything that a tree of fields asks for, at any depth; a text is a chat template. */
function* asksFor(value: Json, isModules: boolean): Generator<Reference | string> {
  if (Array.isArray(value)) for (const part of value as readonly Json[]) yield* asksFor(part, isModules);
  if (!isObject(value)) return;
  for (const [field, inner] of value) {
    if (field === 'auto_map') yield* texts(inner).map(autoMap);
    else if (field === 'custom_pipelines') yield* implementations(inner);
    else if (field === 'auto_mapping') yield* autoMapping(inner);
    else if (/^_?attn_implementation(?:_internal)?$/u.test(field)) yield* texts(inner).filter((text) => text.includes('/')).map((reference) => ({ why: `${field} names a kernel of another repository, which was not looked at`, reference }));
    else if (field === 'chat_template' || field === 'template') yield* texts(inner);
    else if (isModules && field === 'type' && typeof inner === 'string' && !inner.startsWith('sentence_transformers.')) yield { why: 'type names a class outside sentence-transformers, which is imported', reference: inner };
    else yield* asksFor(inner, isModules);
  }
}

/** `module.Class` of the same folder, or `owner/repository--module.Class` (transformers, dynamic_module_utils.py). */
function autoMap(reference: string): Reference {
  return reference.includes('--')
    ? { why: 'auto_map names code of another repository, which was not looked at and which trust_remote_code runs', reference }
    : { why: 'auto_map names code of this folder, which trust_remote_code runs', reference };
}

function* implementations(value: Json): Generator<Reference> {
  if (!isObject(value)) return;
  for (const pipeline of value.values()) {
    const impl = isObject(pipeline) ? pipeline.get('impl') : null;
    if (typeof impl === 'string') yield { why: 'custom_pipelines names code, which trust_remote_code runs', reference: impl };
  }
}

/** PEFT imports the library that the adapter names (peft/auto.py); one of transformers is what PEFT itself writes there. */
function* autoMapping(value: Json): Generator<Reference> {
  const library = isObject(value) ? value.get('parent_library') : null;
  if (typeof library === 'string' && !/^transformers(?:\.|$)/u.test(library)) yield { why: 'auto_mapping names a module outside transformers, which PEFT imports', reference: library };
}

/** All the texts in a tree. */
function texts(value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (isObject(value)) return [...value.values()].flatMap(texts);
  return Array.isArray(value) ? (value as readonly Json[]).flatMap(texts) : [];
}

function some(list: readonly string[]): string {
  const more = list.length > LISTED ? ` and ${list.length - LISTED} more` : '';
  return `${list.slice(0, LISTED).map((text) => quoteText(text, 80)).join(', ')}${more}`;
}

/**
 * What a chat template can reach beyond the messages that it lays out. Each pattern is one that laying out messages never
 * needs; they are looked for in the whole text, in comments and strings too, since what is one and what is the other is
 * what an attacker plays with. No match proves nothing.
 */
const SUSPECT: readonly (readonly [pattern: RegExp, why: string])[] = [
  // Names of Python's object model that lead from any value to any function.
  [/\b__(?:class|mro|bases?|subclasses|globals|builtins|import|init|new|getattribute|getattr|getitem|setattr|dict|code|closure|func|self|module|call|reduce|reduce_ex|loader|spec|name|qualname|wrapped|doc|file|weakref)__\b/gu, 'uses names of Python\'s object model, through which any function can be reached'],
  [/(?<!\w)_TemplateReference\b|\b(?:gi|cr|ag)_(?:frame|code)\b|\bf_(?:globals|builtins|locals|back|code)\b|\bfunc_(?:globals|code)\b/gu, 'reaches for the insides of Jinja or of Python\'s frames'],
  [/\|\s*attr\s*\(/gu, 'takes attributes by a name that it puts together (the attr filter)'],
  [/(['"])(?:__\w*|\w+__)\1/gu, 'puts names of Python\'s object model together from pieces'],
  [/\{%[-+]?\s*(?:include|import|extends|from)\b/gu, 'loads another template'],
];
/** As in `src/text.ts`, without tab and line ends. */
const INVISIBLE = /(?![\t\n\r])[\p{Cc}\p{Cf}]/gu;

/** What is suspicious in a chat template (Jinja). */
export function templateCode(text: string): Said[] {
  const plain = unescaped(text);
  const found = SUSPECT.flatMap(([pattern, why]): Said[] => {
    const matches = new Set(Array.from(plain.matchAll(pattern), ([match]) => match));
    return matches.size === 0 ? [] : [{ what: 'template', reason: `the chat template ${why}: ${some([...matches])}` }];
  });
  const invisible = new Set(Array.from(text.replace(/^\ufeff/u, '').matchAll(INVISIBLE), ([c]) => escapeText(c)));
  if (invisible.size > 0) found.push({ what: 'template', reason: `the chat template holds characters that nobody sees: ${[...invisible].slice(0, LISTED).join(' ')}` });
  return found;
}

/** Escapes of ASCII characters as Python's strings have them, resolved: `\x5f` is an underscore. */
function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|u00([0-9a-f]{2})|U000000([0-9a-f]{2})|([0-7]{2,3})|N\{LOW LINE\})/giu, (_, x?: string, u?: string, U?: string, octal?: string) => {
    const hex = x ?? u ?? U;
    return hex !== undefined ? String.fromCharCode(Number.parseInt(hex, 16)) : octal !== undefined ? String.fromCharCode(Number.parseInt(octal, 8)) : '_';
  });
}
