/**
 * The rank and alpha of a module, as PEFT resolves them. In: the configuration and a module path. Out: r and scale, or why
 * they can't be told. Source: LoraModel._create_and_replace (lora/model.py), get_pattern_key (utils/other.py) and
 * LoraLayer.update_layer (lora/layer.py).
 */
import { quoteText } from '../text.js';
import type { PeftConfig } from './peft-config.js';
import { regexMatches, spend, type RegexCache } from './python-regex-match.js';

/** A value, or one clause saying why there is none. */
export type Resolved<T> = { readonly value: T } | { readonly undecided: string };

/**
 * The value of the first key that matches the end of the module path from a dot on: re.match(rf"(.*\.)?({key})$", module).
 * When none does, PEFT looks the path itself up, literally; then comes the fallback.
 */
export function resolvePattern(pattern: ReadonlyMap<string, number>, module: string, fallback: number, cache: RegexCache): Resolved<number> {
  for (const [key, value] of pattern) {
    const matches = keyMatches(key, module, cache);
    if (matches === null) return { undecided: `the pattern ${quoteText(key)} can't be decided without guessing; name the modules in full` };
    if (matches) return { value };
  }
  return { value: pattern.get(module) ?? fallback };
}

function keyMatches(key: string, module: string, cache: RegexCache): boolean | null {
  // Most keys are names, in which only the dot is special: comparing them is quick, and EVA writes one for each module.
  const plain = /^\^?[\w.-]*$/u.test(key) && /^[\x20-\x7e]*$/u.test(module);
  if (plain && !spend(cache, 1)) return null;
  if (plain) return key.startsWith('^') ? endsWithName(module, key.slice(1), true) : endsWithName(module, key, false);
  // Composed as PEFT does it, so that a key with unbalanced brackets means what it means there.
  return regexMatches(`(.*\\.)?(${key})$`, module, 'match', cache);
}

function endsWithName(module: string, name: string, whole: boolean): boolean {
  const start = module.length - name.length;
  if (start < 0 || (start > 0 && (whole || module[start - 1] !== '.'))) return false;
  for (let i = 0; i < name.length; i++) {
    if (name[i] !== '.' && name[i] !== module[start + i]) return false;
  }
  return true;
}

/** Rank and scale of one module: alpha / r, or alpha / √r with rank-stabilised LoRA. */
export function resolveScale(config: PeftConfig, module: string, cache: RegexCache): Resolved<{ readonly rank: number; readonly scale: number }> {
  const rank = resolvePattern(config.rankPattern, module, config.r, cache);
  if ('undecided' in rank) return { undecided: `rank_pattern: ${rank.undecided}` };
  const alpha = resolvePattern(config.alphaPattern, module, config.alpha, cache);
  if ('undecided' in alpha) return { undecided: `alpha_pattern: ${alpha.undecided}` };
  const scale = alpha.value / (config.rslora ? Math.sqrt(rank.value) : rank.value);
  return { value: { rank: rank.value, scale } };
}
