/** The API as the CLI sees it: the shared client. */
export type { ApiClient as Api } from '#shared/client/types.ts';
