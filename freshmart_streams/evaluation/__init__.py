"""How good forecast and orders are: daily series replayed through the domain's own rules, beside simpler ones.

- `series`: daily sales out of CSV, or one line that says what is wrong with it.
- `own`: the application's forecast (`domain.forecast`), fed day by day.
- `rivals`: seasonal naive, moving average by weekday, TSB.
- `accuracy`: forecasts of every day, compared with what came.
- `shelf`, `policy`: an inventory replayed under the application's rule, and under a minimum and maximum.
- `report`: both over a whole file.

Pure: no file, no clock, no chance. docs/evaluation.md says what the figures mean.
"""
