/** A verdict as a shape and a word; the colour repeats it. */
import type { State } from './headline.js';
import { html, type Markup } from './markup.js';

/** Triangle: found. Ring: not found. Diamond, half filled: undecided. Bar: not judged. */
const SHAPES: Readonly<Record<State, Markup>> = {
  present: html`<path d="M8 1.5L15 14.5H1z"/>`,
  absent: html`<path d="M8 1.5a6.5 6.5 0 1 0 .01 0zM8 4.5a3.5 3.5 0 1 1-.01 0z"/>`,
  indeterminate: html`<path d="M8 .8L15.2 8L8 15.2L.8 8zM8 3.2L3.2 8L8 12.8z"/>`,
  none: html`<path d="M1.5 6.5h13v3h-13z"/>`,
};

/** The mark of a state. */
export function mark(state: State): Markup {
  return html`<svg class="mark ${state}" aria-hidden="true" viewBox="0 0 16 16">${SHAPES[state]}</svg>`;
}

/** Mark and word. */
export function verdict(state: State, word: string): Markup {
  return html`<span class="verdict ${state}">${mark(state)}${word}</span>`;
}
