package inspect

import (
	"context"
	"fmt"
	"math"
)

// Assign returns the assignment of rows to columns with the least total cost: the column of each row, −1 for rows left
// over when there are more rows than columns. cost: rows×columns, finite. Shortest augmenting paths with dual variables
// (Kuhn 1955; Jonker and Volgenant 1987; Crouse 2016): O(min²·max).
func Assign(ctx context.Context, cost [][]float64) ([]int, error) {
	rows := len(cost)
	if rows == 0 {
		return nil, nil
	}
	cols := len(cost[0])
	for i, row := range cost {
		if len(row) != cols {
			return nil, sizes(fmt.Sprintf("row %d of the cost matrix", i), cols, len(row))
		}
		for j, c := range row {
			if math.IsNaN(c) || math.IsInf(c, 0) {
				return nil, fmt.Errorf("inspect: cost of row %d and column %d is %v, want a finite number", i, j, c)
			}
		}
	}
	if rows <= cols {
		_, colOf, err := augment(ctx, cost, cols)
		return colOf, err
	}
	turned := make([][]float64, cols)
	for j := range turned {
		turned[j] = make([]float64, rows)
		for i := range cost {
			turned[j][i] = cost[i][j]
		}
	}
	rowOf, _, err := augment(ctx, turned, rows)
	return rowOf, err
}

// augment assigns every row of a matrix that has at least as many columns: the row of each column and the column of
// each row, −1 for none.
func augment(ctx context.Context, cost [][]float64, cols int) (rowOf, colOf []int, err error) {
	rows := len(cost)
	u, v := make([]float64, rows), make([]float64, cols) // duals: cost[i][j] − u[i] − v[j] ≥ 0, 0 where assigned
	rowOf, colOf = make([]int, cols), make([]int, rows)
	for j := range rowOf {
		rowOf[j] = -1
	}
	for i := range colOf {
		colOf[i] = -1
	}
	dist := make([]float64, cols) // length of the shortest path to each column
	from := make([]int, cols)     // the row before it on that path
	done := make([]bool, cols)
	for start := range rows {
		if err := context.Cause(ctx); err != nil {
			return nil, nil, err
		}
		for j := range dist {
			dist[j], done[j] = math.Inf(1), false
		}
		i, length, end := start, 0.0, -1
		for end < 0 {
			next, least := -1, math.Inf(1)
			for j, c := range cost[i] {
				if done[j] {
					continue
				}
				if d := length + c - u[i] - v[j]; d < dist[j] {
					dist[j], from[j] = d, i
				}
				if dist[j] < least || dist[j] == least && next >= 0 && rowOf[j] < 0 && rowOf[next] >= 0 {
					next, least = j, dist[j]
				}
			}
			done[next], length = true, least
			if i = rowOf[next]; i < 0 {
				end = next
			}
		}
		u[start] += length
		for j := range done {
			if done[j] && j != end {
				u[rowOf[j]] += length - dist[j]
				v[j] -= length - dist[j]
			}
		}
		for j := end; ; {
			i := from[j]
			rowOf[j] = i
			colOf[i], j = j, colOf[i]
			if i == start {
				break
			}
		}
	}
	return rowOf, colOf, nil
}
