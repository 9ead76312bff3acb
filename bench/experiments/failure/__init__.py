"""`failure`: the same faults in both arms under the same load, and what each journey lost.

`spec` is the experiment as a file, `steady` the hypothesis, `stretch` one stretch of load with a
fault in it, `plan` the cells and their order, `run` the whole.
"""
