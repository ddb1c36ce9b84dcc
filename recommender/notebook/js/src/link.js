// Turns anywidget's model into traits to show and commands that are answered. Nothing is assumed before the answer.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

const PATIENCE = 15000;

export function useTrait(model, name) {
  const [value, setValue] = useState(() => model.get(name));
  useEffect(() => {
    const changed = () => setValue(model.get(name));
    changed();
    model.on(`change:${name}`, changed);
    return () => model.off(`change:${name}`, changed);
  }, [model, name]);
  return value ?? {};
}

// Returns a function that sends a command and resolves to Python's reply.
export function useCommands(model) {
  const waiting = useRef(new Map());
  useEffect(() => {
    const answered = (reply) => {
      const done = waiting.current.get(reply?.id);
      if (done) done(reply);
    };
    model.on("msg:custom", answered);
    return () => model.off("msg:custom", answered);
  }, [model]);
  return useCallback(
    (command) =>
      new Promise((resolve) => {
        const id = Math.floor(Math.random() * 2 ** 48);
        const finish = (reply) => {
          clearTimeout(timer);
          waiting.current.delete(id);
          resolve(reply);
        };
        const late = { ok: false, say: "the kernel does not answer: it is busy, or has been stopped" };
        const timer = setTimeout(() => finish(late), PATIENCE);
        waiting.current.set(id, finish);
        model.send({ ...command, id });
      }),
    [model],
  );
}
