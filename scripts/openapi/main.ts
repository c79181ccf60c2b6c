import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openApiText } from './document.ts';

/* `npm run openapi`: writes docs/openapi.json from the contracts; a test fails while it is not up to date. */
const root = join(import.meta.dirname, '..', '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
writeFileSync(join(root, 'docs', 'openapi.json'), openApiText(version));
