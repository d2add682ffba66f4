import { useTexts } from '../core/app.ts';
import { places } from '../core/keyboard.ts';
import { Dialog } from '../parts/confirm.tsx';
import type { Texts } from '../text/index.ts';

export function KeysDialog({ onClose }: { readonly onClose: () => void }) {
  const texts = useTexts();
  const rows: readonly (readonly [readonly string[], string])[] = [
    [['j', 'k'], texts.keys.move],
    [['Enter'], texts.keys.open],
    [['/'], texts.keys.filter],
    [['s', 'x', 'r', 'l'], texts.keys.act],
    ...Object.entries(places).map(
      ([key, place]) => [['g', key], texts.nav[(place === '' ? 'overview' : place) as keyof Texts['nav']]] as const,
    ),
    [['Esc'], texts.keys.back],
    [['?'], texts.keys.help],
  ];
  return (
    <Dialog title={texts.keys.title} onClose={onClose}>
      <dl class="keys">
        {rows.map(([keys, meaning]) => (
          <div key={meaning}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
