// Turns a model of anywidget into the review on a page.
import { render } from "preact";
import { App } from "./app.jsx";
import "./review.css";

export default {
  render({ model, el }) {
    render(<App model={model} />, el);
    return () => render(null, el);
  },
};
