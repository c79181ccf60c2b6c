import { oneName } from '../../arguments.ts';
import { given } from '../../api/pages.ts';
import type { Context } from '../../context.ts';
import { previewText } from '../../render/policy.ts';
import { printResult } from '../../render/result.ts';
import type { PolicyPreview, PreviewedVolume } from '#shared/model/policy.ts';
import type { NameFlags } from './settings.ts';

export async function previewPolicy(context: Context, flags: NameFlags): Promise<void> {
  const { api, namespace } = context;
  const params = { namespace, policy: oneName(flags.positional, flags.name) };
  const items: PreviewedVolume[] = [];
  let page: PolicyPreview;
  let cursor: string | undefined;
  do {
    page = (await api.call('previewPolicy', { params, query: { ...given('cursor', cursor), limit: 200 } }))
      .body;
    items.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  const preview: PolicyPreview = { ...page, items, cursor: undefined };
  printResult(context, preview, previewText(preview));
}
