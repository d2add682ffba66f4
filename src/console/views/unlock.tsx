import { useApp, useTexts } from '../core/app.ts';
import { Button } from '../parts/button.tsx';
import { Note } from '../parts/note.tsx';

/** What stands there until the agent has answered a call. */
export function Unlock() {
  const texts = useTexts();
  const { session } = useApp();
  const state = session.state.value;
  if (state.kind === 'opening' || state.kind === 'unreachable') {
    return (
      <main class="unlock">
        <p role="status">{state.kind === 'opening' ? texts.unlock.opening : texts.unlock.unreachable}</p>
      </main>
    );
  }
  const why = state.kind === 'locked' ? state.why : undefined;
  return (
    <main class="unlock">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const field = event.currentTarget.elements.namedItem('token');
          if (field instanceof HTMLInputElement) session.unlock(field.value.trim());
        }}
      >
        <img src="icon.svg" alt="" width="36" height="36" />
        <h1>{texts.unlock.title}</h1>
        <p>{texts.unlock.lead}</p>
        <pre>sboxagent console</pre>
        {why !== undefined && <Note tone="bad">{why}</Note>}
        <label>
          <span>{texts.unlock.paste}</span>
          <input name="token" type="password" autocomplete="off" spellcheck={false} class="field" required />
        </label>
        <Button kind="main" type="submit">
          {texts.unlock.open}
        </Button>
        <p class="dim">{texts.unlock.stays}</p>
      </form>
    </main>
  );
}
