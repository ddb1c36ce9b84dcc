// Turns a component into one that is drawn again only when what it is given differs (preact/compat has it, at 10 KB).
import { Component, h } from "preact";

export function memo(inner) {
  return class extends Component {
    shouldComponentUpdate(next) {
      const names = Object.keys(next);
      return names.length !== Object.keys(this.props).length || names.some((name) => !Object.is(next[name], this.props[name]));
    }
    render(given) {
      return h(inner, given);
    }
  };
}
