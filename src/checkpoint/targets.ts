/**
 * Whether PEFT gives a module an adapter when it loads one. In: the configuration and a module path. Out: yes, no, or why
 * it can't be told. Tensors for other modules are dropped by PEFT, though not by every loader: without this question a
 * file could bring tensors that no model uses and that draw the score away. Source: check_target_module_exists
 * (tuners/tuners_utils.py).
 */
import { quoteText } from '../text.js';
import { nameModule } from './names.js';
import type { Resolved } from './patterns.js';
import type { PeftConfig } from './peft-config.js';
import { regexMatches, type RegexCache } from './python-regex-match.js';

/** True when the module gets an adapter. */
export function isTargeted(config: PeftConfig, module: string, cache: RegexCache): Resolved<boolean> {
  const excluded = isNamed('exclude_modules', config.excludeModules, module, cache);
  if ('undecided' in excluded || excluded.value) return invert(excluded);
  for (const name of config.modulesToSave) {
    const saved = regexMatches(`(^|.*\\.)${name}($|\\..*)`, module, 'match', cache);
    if (saved !== false) return saved === null ? undecided('modules_to_save', name) : { value: false };
  }
  if (config.targetModules === null) {
    return { undecided: 'target_modules is not set, so that the loader chooses the modules by the architecture; save the adapter again with PEFT, which writes them down' };
  }
  if (typeof config.targetModules === 'string' && config.targetModules.toLowerCase() === 'all-linear') {
    const { role } = nameModule(module); // all but the output layer: _maybe_include_all_linear_layers
    return { value: role !== 'embed' && role !== 'head' };
  }
  // A path given in full is not asked for its layer.
  if (typeof config.targetModules !== 'string' && config.targetModules.has(module)) return { value: true };
  const found = isNamed('target_modules', config.targetModules, module, cache);
  if ('value' in found && !found.value && config.tiesWeights) {
    const { role } = nameModule(module); // target_modules_to_tie: found anew when loaded, not saved
    return { value: role === 'embed' || role === 'head' };
  }
  if ('undecided' in found || !found.value || typeof config.targetModules === 'string') return found;
  return isTransformed(config, module);
}

function isNamed(field: string, names: string | ReadonlySet<string>, module: string, cache: RegexCache): Resolved<boolean> {
  if (typeof names !== 'string') return { value: endings(module).some((ending) => names.has(ending)) };
  if (field === 'exclude_modules' && names === '') return { value: false };
  const matches = regexMatches(names, module, 'fullmatch', cache);
  return matches === null ? undecided(field, names) : { value: matches };
}

/** The path, and what follows each dot in it. */
function endings(module: string): string[] {
  const parts = module.split('.');
  return parts.map((_, i) => parts.slice(i).join('.'));
}

/** layers_to_transform: the first number in the path after two names, or after one that layers_pattern gives. */
function isTransformed(config: PeftConfig, module: string): Resolved<boolean> {
  if (config.layersToTransform.size === 0) return { value: true };
  const heads = config.layersPattern;
  const odd = heads.find((head) => !/^[\w-]+$/u.test(head)); // each one seen is a plain name
  if (odd !== undefined) return undecided('layers_pattern', odd);
  const parts = module.split('.');
  for (const head of heads.length === 0 ? [null] : heads) {
    for (let i = 1; i < parts.length - 1; i++) {
      const index = parts[i] ?? '';
      if (!/^\d+$/u.test(index)) continue;
      if (head === null ? i >= 2 : parts[i - 1] === head) return { value: config.layersToTransform.has(Number(index)) };
    }
  }
  return { value: false };
}

function invert(resolved: Resolved<boolean>): Resolved<boolean> {
  return 'undecided' in resolved ? resolved : { value: !resolved.value };
}

function undecided(field: string, pattern: string): Resolved<boolean> {
  return { undecided: `${field}: the pattern ${quoteText(pattern)} can't be decided without guessing; name the modules in full` };
}
