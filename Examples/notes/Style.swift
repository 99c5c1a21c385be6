extension Page {
  static let style = """
    :root { color-scheme: light dark; --ink: light-dark(#1d2a2a, #e6eceb); --soft: light-dark(#566, #9fb0ad);
      --paper: light-dark(#f5f7f6, #121817); --card: light-dark(#fff, #1b2322); --line: light-dark(#d5dddb, #33403e);
      --deed: light-dark(#0b5f59, #7fd6cb); --on-deed: light-dark(#fff, #06201d); }
    body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif; }
    main { max-width: 34rem; margin: 0 auto; padding: 3rem 1.25rem; }
    h1 { font-size: 1.75rem; margin: 0 0 1.5rem; }
    a { color: var(--deed); }
    ul { list-style: none; padding: 0; }
    li { display: flex; gap: 1rem; justify-content: space-between; align-items: start; background: var(--card);
      border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; margin: .5rem 0; }
    li p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; min-width: 0; }
    label { font-weight: 600; }
    textarea { box-sizing: border-box; width: 100%; margin: .375rem 0 .75rem; padding: .625rem .75rem; font: inherit;
      color: inherit; background: var(--card); border: 1px solid var(--soft); border-radius: .5rem; }
    button { font: inherit; font-weight: 600; padding: .5rem 1.25rem; border: 0; border-radius: .5rem;
      background: var(--deed); color: var(--on-deed); cursor: pointer; }
    .quiet { background: none; color: var(--deed); padding: 0 .5rem; }
    .foot { display: flex; justify-content: space-between; align-items: center; margin-top: 3rem;
      border-top: 1px solid var(--line); color: var(--soft); }
    .foot strong { color: var(--ink); }
    """
}
