plan: p
inventory: {command: [cat, plan.good.json], timeout: 20s}
signals: [loss]
steps:
- {step: a, action: {kind: noop}}
