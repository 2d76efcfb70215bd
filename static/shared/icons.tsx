/**
 * Outline icons of one set (lucide), drawn from its nodes.
 *
 * Each part names the few it uses, so that only these are bundled with it.
 */

import { createElement } from 'preact';

export type IconNode = [tag: string, attributes: Record<string, string>][];

/** The part's `Icon`; `usual` is its size in pixels where none is given. */
export function iconsOf<Name extends string>(nodes: Record<Name, IconNode>, usual: number) {
  return function Icon({ name, size = usual }: { name: Name; size?: number }) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        stroke-width="2"
        stroke-linecap="round"
        stroke-linejoin="round"
        aria-hidden="true"
      >
        {nodes[name].map(([tag, attributes]) => createElement(tag, attributes))}
      </svg>
    );
  };
}
