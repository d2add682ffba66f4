/**
 * The console: the page at `/`. A client of the same protos as any other, by Connect over the agent's own port.
 * Invariants: whatever comes from the agent is shown as text and never as HTML; the token is in sessionStorage alone, and leaves the address
 * bar before anything is drawn; what the token's scopes do not allow is not offered; every stream resumes by itself; nothing is loaded from
 * another host.
 * May be imported by: nobody. `npm run generate:console` bundles it into gen/console, which the agent serves.
 */
import { render } from 'preact';
import { createApp } from './core/app.ts';
import { takeTokenFromAddress } from './core/session.ts';
import { shell } from './views/shell.tsx';

const token = takeTokenFromAddress(location, history);
const root = document.getElementById('console');
if (root !== null) render(shell(createApp(token)), root);
