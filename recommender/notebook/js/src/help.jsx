// Turns the keys into a list.
import { KEYS } from "./keys.js";

export function Help({ close }) {
  return (
    <div class="panel help" data-testid="help" role="group" aria-label="Keys">
      <dl>
        {KEYS.map(([key, name, words]) => (
          <div key={name}><dt><kbd>{key === " " ? "Space" : key}</kbd></dt><dd>{words}</dd></div>
        ))}
      </dl>
      <button type="button" class="quiet" onClick={close} ref={(element) => element?.focus()}>Close</button>
    </div>
  );
}
