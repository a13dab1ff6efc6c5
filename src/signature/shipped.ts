/** Where libraries lie, that of the program and the user's: apart, for those who only pass it on. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const SHIPPED_LIBRARY = fileURLToPath(new URL('../../../signatures', import.meta.url));

/** Where bases are kept unless the user says otherwise: `$XDG_DATA_HOME/weightseq`, `~/.local/share/weightseq`, `%LOCALAPPDATA%\weightseq\data`. */
export function defaultBasesFolder(environment: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  const local = environment['LOCALAPPDATA'];
  if (platform === 'win32' && local !== undefined && local !== '') return join(local, 'weightseq', 'data');
  const named = environment['XDG_DATA_HOME'];
  return join(named === undefined || named === '' ? join(homedir(), '.local', 'share') : named, 'weightseq');
}
