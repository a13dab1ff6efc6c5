/** Where the library that comes with the program lies: apart, for those who only pass it on. */
import { fileURLToPath } from 'node:url';

export const SHIPPED_LIBRARY = fileURLToPath(new URL('../../../signatures', import.meta.url));
