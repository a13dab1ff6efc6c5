/** The property of a component in a pedigree that says what it is to the model. */
export const RELATION = 'weightseq:relation';
